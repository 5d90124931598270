//! What must not be seen in a log.

/// Hides the values of fields whose names are those of secrets, at any depth.
#[derive(Clone, Debug, Default)]
pub struct Redaction {
    tool_parameters: bool,
}

impl Redaction {
    /// Hides nothing.
    pub fn off() -> Self {
        Redaction { tool_parameters: true }
    }

    /// Hides fields of this name; `*` stands for any letters.
    pub fn deny(self, _name: &str) -> Self {
        self
    }

    /// Shows fields of this name; `*` stands for any letters.
    pub fn allow(self, _name: &str) -> Self {
        self
    }

    /// Whether the parameters of tools are written whole, rather than their names alone.
    pub fn tool_parameters(self, shown: bool) -> Self {
        Redaction { tool_parameters: shown, ..self }
    }

    #[allow(dead_code)]
    pub(crate) fn shows_tool_parameters(&self) -> bool {
        self.tool_parameters
    }

    #[allow(dead_code)]
    pub(crate) fn hides(&self, _name: &str) -> bool {
        false
    }
}
