//! JSON as another parser than the log's reads it.
//!
//! It hands out keys as they come and numbers as text, so nothing that is wrong with a line
//! is put right by reading it.

use json_event_parser::{JsonEvent, SliceJsonParser};
use serde_json::Value;

/// Deeper than any record, and than what the log's reader reads.
const DEEPEST: usize = 200;

/// Any JSON; the members of objects in their order.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum Tree {
    Null,
    Bool(bool),
    Number(String),
    Text(String),
    Array(Vec<Tree>),
    Object(Vec<(String, Tree)>),
}

/// Why a text is no tree.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Fault {
    Syntax,
    KeyTwice,
    TooDeep,
}

impl Tree {
    pub(crate) fn parse(text: &str) -> Result<Tree, Fault> {
        // This parser skips a byte order mark; whether one may stand there is not its affair.
        if text.starts_with('\u{feff}') {
            return Err(Fault::Syntax);
        }
        let mut events = Events(SliceJsonParser::new(text.as_bytes()));
        let first = events.next()?;
        let tree = events.tree(first, 0)?;
        match events.next()? {
            JsonEvent::Eof => Ok(tree),
            _ => Err(Fault::Syntax),
        }
    }

    /// Whether serde_json has read the same.
    pub(crate) fn is(&self, value: &Value) -> bool {
        match (self, value) {
            (Tree::Null, Value::Null) => true,
            (Tree::Bool(a), Value::Bool(b)) => a == b,
            (Tree::Text(a), Value::String(b)) => a == b,
            (Tree::Number(a), Value::Number(b)) => match (b.as_i128(), b.as_f64()) {
                (Some(b), _) => a.parse() == Ok(b),
                (_, Some(b)) => a.parse().map(f64::to_bits) == Ok(b.to_bits()),
                _ => false,
            },
            (Tree::Array(a), Value::Array(b)) => {
                a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.is(b))
            }
            (Tree::Object(a), Value::Object(b)) => {
                a.len() == b.len() && a.iter().all(|(name, a)| b.get(name).is_some_and(|b| a.is(b)))
            }
            _ => false,
        }
    }

    /// The member of this name, of an object.
    pub(crate) fn get(&self, name: &str) -> Option<&Tree> {
        self.members().iter().find(|(other, _)| other == name).map(|(_, tree)| tree)
    }

    /// An object's members; nothing else has any.
    pub(crate) fn members(&self) -> &[(String, Tree)] {
        if let Tree::Object(members) = self { members } else { &[] }
    }

    pub(crate) fn text(&self) -> Option<&str> {
        if let Tree::Text(text) = self { Some(text) } else { None }
    }
}

struct Events<'a>(SliceJsonParser<'a>);

impl<'a> Events<'a> {
    fn next(&mut self) -> Result<JsonEvent<'a>, Fault> {
        self.0.parse_next().map_err(|_| Fault::Syntax)
    }

    /// What begins with `event`.
    fn tree(&mut self, event: JsonEvent<'a>, depth: usize) -> Result<Tree, Fault> {
        if depth > DEEPEST {
            return Err(Fault::TooDeep);
        }
        Ok(match event {
            JsonEvent::Null => Tree::Null,
            JsonEvent::Boolean(value) => Tree::Bool(value),
            JsonEvent::Number(text) => Tree::Number(text.into()),
            JsonEvent::String(text) => Tree::Text(text.into()),
            JsonEvent::StartArray => {
                let mut elements = Vec::new();
                loop {
                    match self.next()? {
                        JsonEvent::EndArray => break Tree::Array(elements),
                        event => elements.push(self.tree(event, depth + 1)?),
                    }
                }
            }
            JsonEvent::StartObject => self.object(depth)?,
            _ => return Err(Fault::Syntax),
        })
    }

    fn object(&mut self, depth: usize) -> Result<Tree, Fault> {
        let mut members: Vec<(String, Tree)> = Vec::new();
        let mut names = std::collections::HashSet::new();
        let mut twice = false;
        loop {
            match self.next()? {
                // What is no JSON at all is told before what is only ambiguous.
                JsonEvent::EndObject if twice => return Err(Fault::KeyTwice),
                JsonEvent::EndObject => return Ok(Tree::Object(members)),
                JsonEvent::ObjectKey(name) => {
                    twice |= !names.insert(name.clone());
                    let event = self.next()?;
                    members.push((name.into(), self.tree(event, depth + 1)?));
                }
                _ => return Err(Fault::Syntax),
            }
        }
    }
}
