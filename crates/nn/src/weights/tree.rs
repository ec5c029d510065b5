//! The tensors of a pickle of `torch.save`: in which dictionaries they lie, and how each is described.

use std::collections::{BTreeMap, VecDeque};

use super::element::{Element, Stored};
use super::pickle::{Id, Object, Pickle, word};

/// Dictionaries and lists that are looked into, those nearest to the root first: what lies behind so many is no
/// weights of one of our networks.
const MAX_LOOKED_INTO: usize = 10_000;
/// Dictionaries in one another.
const MAX_DEPTH: usize = 16;
/// A longer list is one of samples or of results.
const MAX_LIST: usize = 64;

/// A dictionary that holds tensors.
#[derive(Debug)]
pub(super) struct Dictionary {
    /// Keys from the root to it.
    pub(super) path: Vec<String>,
    pub(super) tensors: BTreeMap<String, Tensor>,
}

/// A tensor: a view of a storage.
#[derive(Debug, Clone)]
pub(super) struct Tensor {
    pub(super) storage: Storage,
    pub(super) stored: Stored,
    /// Elements before its first one.
    pub(super) offset: usize,
    /// Elements from one to the next, for each side.
    pub(super) strides: Vec<usize>,
}

/// Numbers in one piece.
#[derive(Debug, Clone)]
pub(super) struct Storage {
    pub(super) key: String,
    pub(super) element: Element,
    pub(super) element_bytes: usize,
    pub(super) elements: usize,
}

/// The dictionaries of tensors, those nearest to the root first.
///
/// # Errors
/// A sentence, where there is none.
pub(super) fn dictionaries(pickle: &Pickle) -> Result<Vec<Dictionary>, String> {
    let (mut found, mut modules) = (Vec::new(), Vec::new());
    let mut open = VecDeque::from([(pickle.root, Vec::new())]);
    for _ in 0..MAX_LOOKED_INTO {
        let Some((id, path)) = open.pop_front() else { break };
        if let Some(class) = module(pickle, id) {
            modules.push((path.join("."), class));
            continue;
        }
        let mut tensors = BTreeMap::new();
        for (name, id) in children(pickle, id) {
            if let Some(tensor) = tensor(pickle, id) {
                tensors.insert(name, tensor);
            } else if path.len() < MAX_DEPTH && may_hold(pickle, id) {
                open.push_back((id, path.iter().cloned().chain([name]).collect()));
            }
        }
        if !tensors.is_empty() {
            found.push(Dictionary { path, tensors });
        }
    }
    if found.is_empty() { Err(nothing(pickle, &modules)) } else { Ok(found) }
}

/// What is said of a pickle without a dictionary of tensors.
fn nothing(pickle: &Pickle, modules: &[(String, &str)]) -> String {
    let save = "save `model.state_dict()` instead of the model: `torch.save(model.state_dict(), \"weights.pth\")`";
    if let Some((path, class)) = modules.first() {
        let place = if path.is_empty() { String::new() } else { format!(" under `{path}`") };
        return format!(
            "expected a dictionary of tensors, found a whole model of the class {class}{place}, which only its own \
             code can open: {save}"
        );
    }
    let Some(entries) = pickle.entries(pickle.root) else {
        let found = match pickle.instance(pickle.root) {
            Some((class, _)) => format!("an object of the class {class}"),
            None => word(pickle.get(pickle.root)).to_owned(),
        };
        return format!("expected a dictionary of tensors, found {found}: {save}");
    };
    let names: Vec<_> = entries.iter().map(|(name, _)| format!("`{name}`")).collect();
    format!(
        "expected a dictionary of tensors, at any depth; found {}: {save}",
        if names.is_empty() { "an empty dictionary".to_owned() } else { names.join(", ") }
    )
}

/// The class of a whole module.
fn module(pickle: &Pickle, id: Id) -> Option<&str> {
    let (class, state) = pickle.instance(id)?;
    let attributes = pickle.entries(state?)?;
    attributes.iter().any(|(name, _)| *name == "_modules").then_some(class)
}

/// What lies in a dictionary, a short list or an object that is a dictionary, by name.
fn children(pickle: &Pickle, id: Id) -> Vec<(String, Id)> {
    if let Some(entries) = pickle.entries(id) {
        return entries.into_iter().map(|(name, id)| (name.to_owned(), id)).collect();
    }
    let members = pickle.members(id).filter(|members| members.len() <= MAX_LIST);
    let members = members.unwrap_or_default().iter().enumerate();
    members.map(|(number, &id)| (number.to_string(), id)).collect()
}

fn may_hold(pickle: &Pickle, id: Id) -> bool {
    matches!(
        pickle.get(id),
        Object::Dict(_) | Object::List(_) | Object::Tuple(_) | Object::Call(..)
    )
}

/// Everything at the sides of these paths, by name: what a file holds beside some of its dictionaries.
pub(super) fn at_the_sides(pickle: &Pickle, paths: &[Vec<String>]) -> Vec<(String, Id)> {
    let mut found = Vec::new();
    let mut open = VecDeque::from([(pickle.root, Vec::new())]);
    while let Some((id, path)) = open.pop_front() {
        for (name, id) in children(pickle, id) {
            let path: Vec<String> = path.iter().cloned().chain([name]).collect();
            if paths.contains(&path) {
                continue;
            }
            // A path begins with this one: what lies beside it is looked for further down.
            if paths.iter().any(|taken| taken.starts_with(&path)) {
                open.push_back((id, path));
            } else if !(path.len() == 1 && paths.contains(&Vec::new()) && is_tensor(pickle, id)) {
                found.push((path.join("."), id));
            }
        }
    }
    found
}

/// Whether an object is a tensor of whatever kind.
pub(super) fn is_tensor(pickle: &Pickle, id: Id) -> bool {
    tensor(pickle, id).is_some()
}

/// Bytes of a tensor; 0 where its numbers cannot be read.
pub(super) fn tensor_bytes(pickle: &Pickle, id: Id) -> u64 {
    let bytes = |tensor: Tensor| {
        let sides = tensor.stored.shape.iter();
        let elements = sides.fold(1u64, |all, &side| all.saturating_mul(side as u64));
        elements.saturating_mul(tensor.storage.element_bytes as u64)
    };
    tensor(pickle, id).map_or(0, bytes)
}

/// A tensor, however it is wrapped; `None` for what is none.
fn tensor(pickle: &Pickle, id: Id) -> Option<Tensor> {
    let called = |callable: Id| match pickle.get(callable) {
        Object::Global(name) => name.as_str(),
        _ => "",
    };
    let Object::Call(mut callable, mut arguments) = *pickle.get(id) else { return None };
    // A parameter, or a tensor with attributes, wraps a tensor: one within the other at most.
    for _ in 0..2 {
        let members = pickle.tuple(arguments).unwrap_or_default();
        match (called(callable), members) {
            (
                "torch._utils._rebuild_parameter" | "torch._utils._rebuild_parameter_with_state",
                [inner, ..],
            ) => match *pickle.get(*inner) {
                Object::Call(c, a) => (callable, arguments) = (c, a),
                _ => return None,
            },
            ("torch._tensor._rebuild_from_type_v2", [function, _, inner, ..]) => {
                (callable, arguments) = (*function, *inner);
            }
            _ => break,
        }
    }
    match called(callable) {
        "torch._utils._rebuild_tensor_v2" | "torch._utils._rebuild_tensor" => {}
        // They are said to be what they are only where a network needs them.
        "torch._utils._rebuild_qtensor" => return Some(Tensor::unread("quantised numbers")),
        "torch._utils._rebuild_sparse_tensor" => return Some(Tensor::unread("a sparse tensor")),
        "torch._utils._rebuild_meta_tensor_no_storage" => {
            return Some(Tensor::unread("a tensor without numbers (of torch's meta device)"));
        }
        name if name.starts_with("torch._utils._rebuild_") => {
            return Some(Tensor::unread("a kind of tensor that is not read"));
        }
        _ => return None,
    }
    let read = || -> Option<Tensor> {
        let &[place, offset, shape, strides, ..] = pickle.tuple(arguments)? else { return None };
        let Object::Persistent(place) = *pickle.get(place) else { return None };
        let storage = storage(pickle, place).ok()?;
        let (offset, shape) = (pickle.size(offset)?, pickle.sizes(shape)?);
        let strides = pickle.sizes(strides)?;
        let stored = Stored { shape, element: storage.element };
        (stored.shape.len() == strides.len()).then_some(Tensor { storage, stored, offset, strides })
    };
    Some(
        read()
            .unwrap_or_else(|| Tensor::unread("a tensor that is not described as torch.save does")),
    )
}

impl Tensor {
    /// A tensor whose numbers cannot be read, with the reason.
    fn unread(what: &'static str) -> Tensor {
        let element = Element::Other(what);
        let storage = Storage { key: String::new(), element, element_bytes: 0, elements: 0 };
        let stored = Stored { shape: Vec::new(), element };
        Tensor { storage, stored, offset: 0, strides: Vec::new() }
    }

    /// Elements from its first to behind its last; `None` where they lie outside its storage.
    pub(super) fn extent(&self) -> Option<usize> {
        if self.stored.shape.contains(&0) {
            return Some(0);
        }
        let mut last = 0usize;
        for (side, stride) in self.stored.shape.iter().zip(&self.strides) {
            last = last.checked_add((side - 1).checked_mul(*stride)?)?;
        }
        let extent = last.checked_add(1)?;
        (self.offset.checked_add(extent)? <= self.storage.elements).then_some(extent)
    }

    pub(super) fn is_contiguous(&self) -> bool {
        let mut expected = 1usize;
        self.stored.shape.iter().zip(&self.strides).rev().all(|(&side, &stride)| {
            let fits = side == 1 || stride == expected;
            expected = expected.saturating_mul(side);
            fits
        })
    }

    /// Its elements in order, from those between its first and its last.
    pub(super) fn gather(&self, extent: &[f32]) -> Vec<f32> {
        let mut starts = vec![0];
        for (&side, &stride) in self.stored.shape.iter().zip(&self.strides) {
            starts = starts
                .iter()
                .flat_map(|start| (0..side).map(move |i| start + i * stride))
                .collect();
        }
        starts.into_iter().map(|start| extent[start]).collect()
    }
}

/// `("storage", type, key, device, count, …)`
pub(super) fn storage(pickle: &Pickle, id: Id) -> Result<Storage, String> {
    let broken = || "a storage that is not described as torch.save does".to_owned();
    let Some(&[_, class, key, _, count, ref rest @ ..]) = pickle.tuple(id) else {
        return Err(broken());
    };
    // A part of another storage: nothing has written that since 2017.
    if rest.iter().any(|&view| pickle.tuple(view).is_some()) {
        return Err("a storage that is part of another one: save it with a newer torch".to_owned());
    }
    let Object::Global(class) = pickle.get(class) else { return Err(broken()) };
    let (element, element_bytes) = match class.as_str() {
        "torch.DoubleStorage" => (Element::F64, 8),
        "torch.FloatStorage" => (Element::F32, 4),
        "torch.HalfStorage" => (Element::F16, 2),
        "torch.BFloat16Storage" => (Element::Bf16, 2),
        "torch.LongStorage" => (Element::Other("64-bit integers"), 8),
        "torch.IntStorage" => (Element::Other("32-bit integers"), 4),
        "torch.ShortStorage" => (Element::Other("16-bit integers"), 2),
        "torch.CharStorage" | "torch.ByteStorage" => (Element::Other("8-bit integers"), 1),
        "torch.BoolStorage" => (Element::Other("truth values"), 1),
        "torch.ComplexFloatStorage" => (Element::Other("complex numbers"), 8),
        "torch.ComplexDoubleStorage" => (Element::Other("complex numbers"), 16),
        "torch.QInt8Storage" | "torch.QUInt8Storage" => (Element::Other("quantised numbers"), 1),
        "torch.QInt32Storage" => (Element::Other("quantised numbers"), 4),
        other => return Err(format!("numbers of the kind `{other}` cannot be read")),
    };
    let (key, elements) = pickle.text(key).zip(pickle.size(count)).ok_or_else(broken)?;
    Ok(Storage { key: key.to_owned(), element, element_bytes, elements })
}
