//! What a file holds beside weights: epoch, optimiser, arguments, class names, …

use std::collections::HashSet;

use serde::Serialize;

use super::pickle::{Id, Object, Pickle, word};
use super::tree;
use tcolz_base::numbers::bytes;

/// Letters of a value that are shown.
const MAX_VALUE_CHARS: usize = 80;

/// Something in a file that is no weight of the network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Beside {
    /// Its name: keys from the outermost dictionary to it, joined by points.
    pub name: String,
    /// What it is: `a number`, `a dictionary`, `tensors`, …
    pub kind: String,
    /// Members of a dictionary, a list or an object that is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub members: Option<u64>,
    /// Tensors in it, at any depth.
    pub tensors: u64,
    /// Bytes of these tensors, or of a text.
    pub bytes: u64,
    /// Whether these are tensors that lie among those of the network and are left out.
    pub is_left_out: bool,
    /// What it says, where that is short; the beginning of it, where it is not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
}

impl Beside {
    /// A text.
    pub(super) fn text(name: &str, text: &str) -> Beside {
        let (kind, bytes) = ("a text".to_owned(), text.len() as u64);
        let value = Some(short(&shown(text)));
        let (name, is_left_out) = (shown(name), false);
        Beside { name, kind, members: None, tensors: 0, bytes, is_left_out, value }
    }

    /// Tensors that lie under a name.
    pub(super) fn tensors(name: &str, tensors: u64, bytes: u64) -> Beside {
        let kind = if tensors == 1 { "a tensor" } else { "tensors" }.to_owned();
        let (name, is_left_out) = (shown(name), true);
        Beside { name, kind, members: None, tensors, bytes, is_left_out, value: None }
    }

    /// An object of a pickle.
    pub(super) fn object(pickle: &Pickle, name: &str, id: Id) -> Beside {
        let (tensors, bytes) = tensors_in(pickle, id);
        let object = pickle.get(id);
        let state = pickle.instance(id).and_then(|(_, state)| state);
        let pairs = pickle.pairs(id).or_else(|| state.and_then(|state| pickle.pairs(state)));
        let members = pickle.members(id).map(<[Id]>::len).or(pairs.map(<[(Id, Id)]>::len));
        let kind = match (object, pickle.instance(id)) {
            _ if tree::is_tensor(pickle, id) => "a tensor".to_owned(),
            (_, Some((class, _))) => format!("an object of the class {}", shown(class)),
            _ => word(object).to_owned(),
        };
        let bytes = match object {
            Object::Text(text) => text.len() as u64,
            _ => bytes,
        };
        let members = members.filter(|_| kind != "a tensor").map(|members| members as u64);
        let value = scalar(pickle, id).or_else(|| few(pickle, id, pairs));
        let (name, is_left_out) = (shown(name), false);
        let value = value.as_deref().map(short);
        Beside { name, kind, members, tensors, bytes, is_left_out, value }
    }

    /// All of it in one line.
    pub fn words(&self) -> String {
        let counted = |number: u64, noun: &str| {
            let ending = if number == 1 { "" } else { "s" };
            format!("{number} {noun}{ending}")
        };
        let mut said = Vec::new();
        if !self.kind.ends_with("tensors") {
            said.push(self.kind.clone());
        }
        said.extend(self.members.map(|members| counted(members, "member")));
        if self.tensors > 0 && self.kind != "a tensor" {
            said.push(counted(self.tensors, "tensor"));
        }
        if self.tensors > 0 || self.bytes > MAX_VALUE_CHARS as u64 {
            said.push(bytes(self.bytes));
        }
        let value = self.value.as_ref().map_or(String::new(), |value| format!(": {value}"));
        format!("`{}` ({}){value}", self.name, said.join(", "))
    }
}

/// What a number, a text or a truth value says.
fn scalar(pickle: &Pickle, id: Id) -> Option<String> {
    match pickle.get(id) {
        Object::Bool(value) => Some(value.to_string()),
        Object::Int(value) => Some(value.to_string()),
        Object::Float(value) => Some(value.to_string()),
        Object::Text(text) => Some(shown(text)),
        Object::None => Some("None".to_owned()),
        _ => None,
    }
}

/// The beginning of a list or a dictionary of such.
fn few(pickle: &Pickle, id: Id, pairs: Option<&[(Id, Id)]>) -> Option<String> {
    let mut said = Vec::new();
    let mut chars = 0;
    let members = pickle.members(id).unwrap_or_default();
    let members = members.iter().map(|&member| scalar(pickle, member));
    let pairs = pairs.unwrap_or_default().iter();
    let pairs = pairs
        .map(|&(key, value)| Some(format!("{} {}", scalar(pickle, key)?, scalar(pickle, value)?)));
    for member in members.chain(pairs) {
        let Some(member) = member else { continue };
        chars += member.chars().count();
        said.push(member);
        if chars > MAX_VALUE_CHARS {
            break;
        }
    }
    (!said.is_empty()).then(|| said.join(", "))
}

/// Tensors in an object and their bytes, each once.
fn tensors_in(pickle: &Pickle, id: Id) -> (u64, u64) {
    let (mut seen, mut open) = (HashSet::from([id]), vec![id]);
    let (mut tensors, mut bytes) = (0, 0u64);
    while let Some(id) = open.pop() {
        if tree::is_tensor(pickle, id) {
            tensors += 1;
            bytes = bytes.saturating_add(tree::tensor_bytes(pickle, id));
            continue;
        }
        let members = pickle.members(id).unwrap_or_default().iter().copied();
        let pairs = pickle.pairs(id).unwrap_or_default().iter().map(|&(_, value)| value);
        let state = pickle.instance(id).and_then(|(_, state)| state);
        open.extend(members.chain(pairs).chain(state).filter(|id| seen.insert(*id)));
    }
    (tensors, bytes)
}

/// A text that does nothing to a terminal.
pub(super) fn shown(text: &str) -> String {
    text.chars()
        .flat_map(|c| if c.is_control() { c.escape_default().collect() } else { vec![c] })
        .collect()
}

fn short(text: &str) -> String {
    match text.char_indices().nth(MAX_VALUE_CHARS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
