//! What must not be seen in a log.

mod names;
mod values;

use names::{Names, Pattern};
use values::Values;

/// Names of what must not be seen. `*` stands for any letters, of which there may be none.
const SECRETS: &[&str] = &[
    "*authorization",
    "auth",
    "*basicauth",
    "*bearer",
    "*cookie",
    "*cookies",
    "*password*",
    "*passwd*",
    "*passphrase*",
    "*passcode",
    "*pwd",
    "*secret",
    "*secrets",
    "*secretvalue",
    "*token",
    "*jwt",
    "*apikey",
    "*apikeys",
    "*privatekey*",
    "*secretkey*",
    "*accesskey",
    "*accesskeys",
    "*signingkey",
    "*encryptionkey",
    "*sshkey",
    "*masterkey",
    "*credential",
    "*credentials",
];

/// Names of the above that mean something else: pieces of text that a model reads and writes,
/// and places in a list.
const NO_SECRETS: &[&str] = &[
    "*pertoken",
    "*firsttoken",
    "*lasttoken",
    "*maxtoken",
    "*eostoken",
    "*bostoken",
    "*padtoken",
    "*stoptoken",
    "*pagetoken",
];

/// Which values nobody may see, by the names of their fields, at any depth.
///
/// A hidden value is written as `"[redacted]"`. By default these are hidden: authorization,
/// cookies, passwords, secrets, tokens (`token`, `access_token`, `csrfToken`; not `max_tokens`,
/// `token_count`, `next_page_token`), API, private, secret, access, signing, encryption and SSH
/// keys (not `key`, `cache_key`), credentials. Of the parameters of tools only the names are
/// written.
///
/// Case, and `_`, `-`, `.` and spaces, make no difference: `API-Key` is `apiKey` is `api_key`.
/// Where several of the names given match, the last one decides. Of a name of more than 128
/// letters the last 128 count; of a key inside a value that is longer than 254 bytes, those
/// that are written.
///
/// # Examples
///
/// ```
/// use ampacity_log::Redaction;
///
/// let redaction = Redaction::default()
///     .deny("customer_*")
///     .allow("customer_id")
///     .tool_parameters(true);
/// ```
#[derive(Clone, Debug)]
pub struct Redaction {
    names: Names,
    values: Values,
    tool_parameters: bool,
    /// No name was added to those that are hidden or shown by default.
    names_as_default: bool,
}

impl Redaction {
    /// Hides nothing, and writes the parameters of tools whole.
    pub fn off() -> Self {
        let (names, values) = (Names::default(), Values::default());
        Redaction { names, values, tool_parameters: true, names_as_default: false }
    }

    /// Hides the values of fields of this name, in which `*` stands for any letters, or none.
    pub fn deny(mut self, name: &str) -> Self {
        self.names.push(Pattern::new(name, true));
        self.names_as_default = false;
        self
    }

    /// Shows the values of fields of this name, in which `*` stands for any letters, or none.
    pub fn allow(mut self, name: &str) -> Self {
        self.names.push(Pattern::new(name, false));
        self.names_as_default = false;
        self
    }

    /// Whether the parameters of tools are written whole, but for fields of hidden names, rather
    /// than their names alone; `false` by default.
    pub fn tool_parameters(mut self, shown: bool) -> Self {
        self.tool_parameters = shown;
        self
    }

    /// Hides what matches inside strings and messages, of whatever field, and in the keys inside
    /// values; the names of fields stay.
    ///
    /// `[redacted]` is written in its place. Every string is then searched, at some cost. Of a
    /// string that is cut, what is written and 4 KiB more is searched, so that half a secret
    /// is not seen either, unless it is longer than that.
    ///
    /// # Examples
    ///
    /// ```
    /// use ampacity_log::Redaction;
    ///
    /// let card = regex::Regex::new("[0-9]{4}( ?[0-9]{4}){3}")?;
    /// let redaction = Redaction::default().deny_values(card);
    /// # Ok::<(), regex::Error>(())
    /// ```
    #[cfg(feature = "patterns")]
    pub fn deny_values(mut self, pattern: regex::Regex) -> Self {
        self.values.push(pattern);
        self
    }

    /// As [`deny_values`](Redaction::deny_values), hides what is known by its shape: `Bearer …`
    /// and `Basic …`, JSON web tokens, keys of model vendors, GitHub, AWS and Slack, private keys
    /// in PEM, and names and passwords in addresses.
    #[cfg(feature = "patterns")]
    pub fn deny_common_values(mut self) -> Self {
        self.values.push_common();
        self
    }

    pub(crate) fn shows_tool_parameters(&self) -> bool {
        self.tool_parameters
    }

    /// Whether the value of a field of this name is hidden.
    pub(crate) fn hides(&self, name: &str) -> bool {
        self.hides_bytes(name.as_bytes())
    }

    pub(crate) fn hides_bytes(&self, name: &[u8]) -> bool {
        self.names.hide(name)
    }

    /// Whether it hides what is hidden by default, and nothing else.
    pub(crate) fn is_default(&self) -> bool {
        self.names_as_default && self.values.is_empty()
    }

    pub(crate) fn values(&self) -> &Values {
        &self.values
    }
}

impl Default for Redaction {
    fn default() -> Self {
        let none = Redaction::off().tool_parameters(false);
        let hidden = SECRETS.iter().fold(none, |redaction, name| redaction.deny(name));
        let shown = NO_SECRETS.iter().fold(hidden, |redaction, name| redaction.allow(name));
        Redaction { names_as_default: true, ..shown }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_secrets_are_hidden_however_they_are_spelt() {
        let redaction = Redaction::default();
        for name in [
            "authorization",
            "Authorization",
            "Proxy-Authorization",
            "cookie",
            "Set-Cookie",
            "password",
            "db_password",
            "passwordConfirm",
            "passwd",
            "passphrase",
            "pwd",
            "secret",
            "client_secret",
            "clientSecret",
            "token",
            "access_token",
            "refreshToken",
            "id-token",
            "session_token",
            "bearer token",
            "X-CSRF-Token",
            "api_key",
            "apikey",
            "X-Api-Key",
            "openai.api_key",
            "private_key",
            "private_key_pem",
            "secret_key",
            "AWS_SECRET_ACCESS_KEY",
            "signing_key",
            "encryption-key",
            "sshKey",
            "credential",
            "credentials",
            "jwt",
        ] {
            assert!(redaction.hides(name), "{name} is shown");
        }
    }

    #[test]
    fn names_that_only_resemble_those_of_secrets_are_shown() {
        let redaction = Redaction::default();
        for name in [
            "",
            "_",
            "key",
            "keys",
            "cache_key",
            "primary_key",
            "foreign_key",
            "key_count",
            "max_tokens",
            "total_tokens",
            "prompt_tokens",
            "tokens",
            "token_count",
            "tokens_per_second",
            "time_to_first_token",
            "cost_per_token",
            "next_page_token",
            "tokenizer",
            "secretary",
            "author",
            "cookie_count",
            "tool_name",
            "duration_ms",
            "error",
            "message",
        ] {
            assert!(!redaction.hides(name), "{name} is hidden");
        }
    }

    #[test]
    fn the_last_name_that_matches_decides() {
        let redaction =
            Redaction::default().allow("*token").deny("id_token").deny("x*y*z").allow("x*y*y*z");
        for (name, hidden) in [
            ("access_token", false),
            ("ID-Token", true),
            ("xyz", true),
            ("xaybz", true),
            ("xz", false),
            ("xyyz", false),
            ("password", true),
        ] {
            assert_eq!(redaction.hides(name), hidden, "{name}");
        }
        // Between stars nothing may stand, and a letter may be passed over for a later one.
        let stars = Redaction::off().deny("x**y*y*w*z");
        for (name, hidden) in
            [("xyywz", true), ("xayywywz", true), ("xywyz", false), ("xywz", false)]
        {
            assert_eq!(stars.hides(name), hidden, "{name}");
        }
        assert!(Redaction::off().deny("*").hides("anything"));
        assert!(Redaction::off().deny("a*").hides("a"));
        assert!(!Redaction::off().deny("a*a").hides("a"));
        assert!(!Redaction::off().hides("password"));
        assert!(!Redaction::off().deny("").hides("name"));
    }

    #[test]
    fn of_a_long_name_the_end_counts() {
        let redaction = Redaction::default();
        assert!(redaction.hides(&format!("{}_password", "x".repeat(10_000))));
        assert!(!redaction.hides(&format!("password_{}", "x".repeat(10_000))));
    }
}
