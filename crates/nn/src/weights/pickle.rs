//! Python's pickles, as far as `torch.save` writes them: a stack machine whose objects are numbers in a list.
//!
//! Candle's reader (`candle_core::pickle`) reads the same files where they are zip archives and well formed; it is
//! the reference in the tests. This one reads the older files, too, that torchvision still publishes (VGG19), and
//! takes any bytes: objects are not copied when they are named twice, nesting needs no stack of ours, and every
//! length is limited before memory is asked for.
//!
//! Nothing is executed: a call stays a call, with the name of what would be called.
//! Source: the opcodes of `pickletools.py` of Python 3.

use std::collections::HashMap;
use std::io::Read;

/// Objects of one pickle. A network of a thousand tensors has some fifty thousand.
const MAX_OBJECTS: usize = 4_000_000;
/// Bytes of one string.
const MAX_STRING_BYTES: u64 = 1 << 20;

/// The number of an object.
pub(super) type Id = usize;

/// An object of Python.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Object {
    /// Something that no tensor is made of: bytes, sets, numbers of more than 64 bits.
    Other,
    /// `None`.
    None,
    /// A floating-point number.
    Float(f64),
    /// A truth value.
    Bool(bool),
    /// A whole number of at most 64 bits.
    Int(i64),
    /// Text.
    Text(String),
    /// A class or function: its module, a point, its name.
    Global(String),
    /// A tuple.
    Tuple(Vec<Id>),
    /// A list.
    List(Vec<Id>),
    /// A dictionary, in its order.
    Dict(Vec<(Id, Id)>),
    /// What is called, and with which arguments: an object of a class.
    Call(Id, Id),
    /// Something that lies outside the pickle: a tensor's numbers.
    Persistent(Id),
}

/// A pickle that was read.
#[derive(Debug)]
pub(super) struct Pickle {
    objects: Vec<Object>,
    /// What was put into an object of a class as into a dictionary.
    items: HashMap<Id, Vec<(Id, Id)>>,
    /// The attributes that an object of a class was given.
    states: HashMap<Id, Id>,
    /// The object that was pickled.
    pub(super) root: Id,
}

impl Pickle {
    /// Reads one pickle and nothing behind it.
    ///
    /// # Errors
    /// A sentence.
    pub(super) fn read(from: &mut impl Read) -> Result<Pickle, String> {
        let mut machine = Machine {
            from,
            objects: Vec::new(),
            stack: Vec::new(),
            marks: Vec::new(),
            memo: HashMap::new(),
            items: HashMap::new(),
            states: HashMap::new(),
        };
        while !machine.step()? {}
        let root = machine.pop()?;
        let Machine { objects, items, states, .. } = machine;
        Ok(Pickle { objects, items, states, root })
    }

    /// An object by its number.
    pub(super) fn get(&self, id: Id) -> &Object {
        // Numbers are given out by the machine, which removes no object.
        &self.objects[id]
    }

    /// Names of everything that lies outside the pickle.
    pub(super) fn persistent(&self) -> impl Iterator<Item = Id> {
        let name = |object: &Object| match object {
            Object::Persistent(name) => Some(*name),
            _ => None,
        };
        self.objects.iter().filter_map(name)
    }

    /// The members of a tuple.
    pub(super) fn tuple(&self, id: Id) -> Option<&[Id]> {
        match self.get(id) {
            Object::Tuple(members) => Some(members),
            _ => None,
        }
    }

    /// The text of an object.
    pub(super) fn text(&self, id: Id) -> Option<&str> {
        match self.get(id) {
            Object::Text(text) => Some(text),
            _ => None,
        }
    }

    /// A whole number that is not negative.
    pub(super) fn size(&self, id: Id) -> Option<usize> {
        match self.get(id) {
            Object::Int(number) => usize::try_from(*number).ok(),
            _ => None,
        }
    }

    /// Whole numbers of a tuple, none of them negative.
    pub(super) fn sizes(&self, id: Id) -> Option<Vec<usize>> {
        self.tuple(id)?.iter().map(|&id| self.size(id)).collect()
    }

    /// Keys and values of a dictionary, or of an object of a class that is one.
    pub(super) fn pairs(&self, id: Id) -> Option<&[(Id, Id)]> {
        match self.get(id) {
            Object::Dict(pairs) => Some(pairs),
            Object::Call(..) => self.items.get(&id).map(Vec::as_slice),
            _ => None,
        }
    }

    /// The entries of a dictionary whose keys are texts.
    pub(super) fn entries(&self, id: Id) -> Option<Vec<(&str, Id)>> {
        let entry = |&(key, value): &(Id, Id)| Some((self.text(key)?, value));
        Some(self.pairs(id)?.iter().filter_map(entry).collect())
    }

    /// The members of a list or a tuple.
    pub(super) fn members(&self, id: Id) -> Option<&[Id]> {
        match self.get(id) {
            Object::List(members) | Object::Tuple(members) => Some(members),
            _ => None,
        }
    }

    /// The class of an object, and its attributes.
    pub(super) fn instance(&self, id: Id) -> Option<(&str, Option<Id>)> {
        let Object::Call(mut callable, arguments) = *self.get(id) else { return None };
        // `copyreg._reconstructor(class, object, None)` is how older pickles make an object.
        if let (Object::Global(name), Some(&[class, ..])) =
            (self.get(callable), self.tuple(arguments))
            && name == "copyreg._reconstructor"
        {
            callable = class;
        }
        match self.get(callable) {
            Object::Global(name) => Some((name, self.states.get(&id).copied())),
            _ => None,
        }
    }
}

struct Machine<'a, R> {
    from: &'a mut R,
    objects: Vec<Object>,
    stack: Vec<Id>,
    /// Heights of the stack.
    marks: Vec<usize>,
    memo: HashMap<u64, Id>,
    items: HashMap<Id, Vec<(Id, Id)>>,
    states: HashMap<Id, Id>,
}

impl<R: Read> Machine<'_, R> {
    /// One opcode; true at the last one.
    fn step(&mut self) -> Result<bool, String> {
        let opcode = self.take::<1>()?[0];
        match opcode {
            b'.' => return Ok(true),
            0x80 => drop(self.take::<1>()?), // PROTO
            0x95 => drop(self.take::<8>()?), // FRAME
            b'(' => self.marks.push(self.stack.len()),
            b'0' => drop(self.pop()?),
            b'1' => drop(self.pop_mark()?),
            b'2' => self.stack.push(self.last()?),
            b'N' => self.push(Object::None)?,
            0x88 | 0x89 => self.push(Object::Bool(opcode == 0x88))?,
            b'K' => {
                let [byte] = self.take()?;
                self.push(Object::Int(byte.into()))?;
            }
            b'M' => {
                let number = u16::from_le_bytes(self.take()?);
                self.push(Object::Int(number.into()))?;
            }
            b'J' => {
                let number = i32::from_le_bytes(self.take()?);
                self.push(Object::Int(number.into()))?;
            }
            0x8a => {
                let [length] = self.take()?;
                self.long(length)?;
            }
            b'G' => {
                let number = f64::from_be_bytes(self.take()?);
                self.push(Object::Float(number))?;
            }
            0x8c | b'U' | b'C' => {
                let [length] = self.take()?;
                self.string(opcode, length.into())?;
            }
            b'X' | b'T' | b'B' => {
                let length = u32::from_le_bytes(self.take()?);
                self.string(opcode, length.into())?;
            }
            0x8d => {
                let length = u64::from_le_bytes(self.take()?);
                self.string(opcode, length)?;
            }
            b'c' => {
                let name = format!("{}.{}", self.line()?, self.line()?);
                self.push(Object::Global(name))?;
            }
            0x93 => {
                let (name, module) = (self.pop()?, self.pop()?);
                let text = |id: Id| match &self.objects[id] {
                    Object::Text(text) => Ok(text.as_str()),
                    _ => Err("a class is named by something that is no text".to_owned()),
                };
                let name = format!("{}.{}", text(module)?, text(name)?);
                self.push(Object::Global(name))?;
            }
            b')' => self.push(Object::Tuple(Vec::new()))?,
            b']' => self.push(Object::List(Vec::new()))?,
            b'}' => self.push(Object::Dict(Vec::new()))?,
            0x8f => self.push(Object::Other)?, // EMPTY_SET
            0x90 => drop(self.pop_mark()?),    // ADDITEMS
            0x85..=0x87 => {
                let first = self.stack.len().checked_sub(usize::from(opcode - 0x84));
                let members = self.stack.split_off(first.ok_or("the stack is empty")?);
                self.push(Object::Tuple(members))?;
            }
            b't' => {
                let members = self.pop_mark()?;
                self.push(Object::Tuple(members))?;
            }
            b'l' => {
                let members = self.pop_mark()?;
                self.push(Object::List(members))?;
            }
            b'd' => {
                let members = self.pop_mark()?;
                self.push(Object::Dict(Vec::new()))?;
                self.set(&members)?;
            }
            b'a' => {
                let member = self.pop()?;
                self.append(&[member])?;
            }
            b'e' => {
                let members = self.pop_mark()?;
                self.append(&members)?;
            }
            b's' => {
                let (value, key) = (self.pop()?, self.pop()?);
                self.set(&[key, value])?;
            }
            b'u' => {
                let members = self.pop_mark()?;
                self.set(&members)?;
            }
            b'q' => {
                let [slot] = self.take()?;
                self.memo.insert(slot.into(), self.last()?);
            }
            b'r' => {
                let slot = u32::from_le_bytes(self.take()?);
                self.memo.insert(slot.into(), self.last()?);
            }
            0x94 => drop(self.memo.insert(self.memo.len() as u64, self.last()?)),
            b'h' => {
                let [slot] = self.take()?;
                self.recall(slot.into())?;
            }
            b'j' => {
                let slot = u32::from_le_bytes(self.take()?);
                self.recall(slot.into())?;
            }
            b'R' | 0x81 => {
                let (arguments, callable) = (self.pop()?, self.pop()?);
                self.call(callable, arguments)?;
            }
            // The state of an object: of an ordered dictionary, versions of modules.
            b'b' => {
                let state = self.pop()?;
                let object = self.last()?;
                self.states.insert(object, state);
            }
            b'Q' => {
                let name = self.pop()?;
                self.push(Object::Persistent(name))?;
            }
            other => return Err(format!("the opcode {other:#04x} is none that torch.save writes")),
        }
        Ok(false)
    }

    fn take<const N: usize>(&mut self) -> Result<[u8; N], String> {
        let mut bytes = [0; N];
        self.from
            .read_exact(&mut bytes)
            .map_err(|error| format!("the pickle ends early: {error}"))?;
        Ok(bytes)
    }

    fn text_of(&mut self, length: u64) -> Result<Vec<u8>, String> {
        if length > MAX_STRING_BYTES {
            return Err(format!("a string of {length} bytes, at most {MAX_STRING_BYTES} are read"));
        }
        let mut bytes = Vec::new();
        let read = self.from.by_ref().take(length).read_to_end(&mut bytes);
        match read {
            Ok(read) if read as u64 == length => Ok(bytes),
            Ok(_) => Err("the pickle ends early, inside a string".to_owned()),
            Err(error) => Err(format!("the pickle cannot be read: {error}")),
        }
    }

    fn string(&mut self, opcode: u8, length: u64) -> Result<(), String> {
        let bytes = self.text_of(length)?;
        match (opcode, String::from_utf8(bytes)) {
            (b'C' | b'B', _) => self.push(Object::Other),
            (_, Ok(text)) => self.push(Object::Text(text)),
            (_, Err(error)) => Err(format!("a text is not UTF-8: {error}")),
        }
    }

    fn line(&mut self) -> Result<String, String> {
        let mut line = Vec::new();
        loop {
            let [byte] = self.take()?;
            if byte == b'\n' {
                return String::from_utf8(line)
                    .map_err(|error| format!("a name is not UTF-8: {error}"));
            }
            if line.len() as u64 == MAX_STRING_BYTES {
                return Err("a name has no end".to_owned());
            }
            line.push(byte);
        }
    }

    /// A whole number of `length` bytes, the lowest first, in two's complement.
    fn long(&mut self, length: u8) -> Result<(), String> {
        let bytes = self.text_of(length.into())?;
        let negative = bytes.last().is_some_and(|last| last & 0x80 != 0);
        let mut wide = if negative { [0xFF; 8] } else { [0; 8] };
        match bytes.len() {
            0..=8 => {
                wide[..bytes.len()].copy_from_slice(&bytes);
                self.push(Object::Int(i64::from_le_bytes(wide)))
            }
            _ => self.push(Object::Other),
        }
    }

    fn push(&mut self, object: Object) -> Result<(), String> {
        if self.objects.len() == MAX_OBJECTS {
            return Err(format!("more than {MAX_OBJECTS} objects"));
        }
        self.stack.push(self.objects.len());
        self.objects.push(object);
        Ok(())
    }

    fn pop(&mut self) -> Result<Id, String> {
        self.stack.pop().ok_or_else(|| "the stack is empty".to_owned())
    }

    fn last(&self) -> Result<Id, String> {
        self.stack.last().copied().ok_or_else(|| "the stack is empty".to_owned())
    }

    fn pop_mark(&mut self) -> Result<Vec<Id>, String> {
        let height = self.marks.pop().ok_or("there is no mark")?;
        if height > self.stack.len() {
            return Err("a mark lies above the stack".to_owned());
        }
        Ok(self.stack.split_off(height))
    }

    fn recall(&mut self, slot: u64) -> Result<(), String> {
        let id = *self.memo.get(&slot).ok_or_else(|| format!("nothing is kept under {slot}"))?;
        // Kept objects cost nothing when they are named again, but for the stack.
        if self.stack.len() >= MAX_OBJECTS {
            return Err(format!("more than {MAX_OBJECTS} objects"));
        }
        self.stack.push(id);
        Ok(())
    }

    fn append(&mut self, members: &[Id]) -> Result<(), String> {
        let list = self.last()?;
        match &mut self.objects[list] {
            Object::List(list) => list.extend(members),
            // What a class of its own does with its members is not asked.
            Object::Call(..) => {}
            other => return Err(format!("expected a list, found {}", word(other))),
        }
        Ok(())
    }

    fn set(&mut self, members: &[Id]) -> Result<(), String> {
        let dict = self.last()?;
        let (pairs, rest) = members.as_chunks();
        match &mut self.objects[dict] {
            Object::Dict(dict) if rest.is_empty() => {
                dict.extend(pairs.iter().map(|&[key, value]| (key, value)));
            }
            Object::Dict(_) => return Err("a key has no value".to_owned()),
            Object::Call(..) => {
                let items = self.items.entry(dict).or_default();
                items.extend(pairs.iter().map(|&[key, value]| (key, value)));
            }
            other => return Err(format!("expected a dictionary, found {}", word(other))),
        }
        Ok(())
    }

    /// A call stays a call, but for dictionaries.
    fn call(&mut self, callable: Id, arguments: Id) -> Result<(), String> {
        let dictionaries = ["collections.OrderedDict", "collections.defaultdict"];
        let made = match &self.objects[callable] {
            Object::Global(name) if dictionaries.contains(&name.as_str()) => {
                Object::Dict(self.pairs(arguments))
            }
            _ => Object::Call(callable, arguments),
        };
        self.push(made)
    }

    /// The pairs of `OrderedDict([[key, value], …])`.
    fn pairs(&self, arguments: Id) -> Vec<(Id, Id)> {
        let members = |id: Id| match &self.objects[id] {
            Object::List(members) | Object::Tuple(members) => members.as_slice(),
            _ => &[],
        };
        let pair = |&pair: &Id| match members(pair) {
            &[key, value] => Some((key, value)),
            _ => None,
        };
        members(arguments)
            .first()
            .map_or(Vec::new(), |&list| members(list).iter().filter_map(pair).collect())
    }
}

/// The word for a kind of object.
pub(super) fn word(object: &Object) -> &str {
    match object {
        Object::Other => "something else",
        Object::None => "nothing",
        Object::Bool(_) => "a truth value",
        Object::Int(_) | Object::Float(_) => "a number",
        Object::Text(_) => "a text",
        Object::Global(name) => name,
        Object::Tuple(_) => "a tuple",
        Object::List(_) => "a list",
        Object::Dict(_) => "a dictionary",
        Object::Call(..) => "an object of a class",
        Object::Persistent(_) => "a tensor's numbers",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> Result<Pickle, String> {
        Pickle::read(&mut &bytes[..])
    }

    /// `pickle.dumps(OrderedDict([("a", (1, -2, 70000)), ("b", [True, None, "ä"])]), 2)`, and the rest of a file.
    #[test]
    fn what_python_wrote_is_read_and_what_follows_is_left() {
        let bytes = b"\x80\x02ccollections\nOrderedDict\nq\x00)Rq\x01(X\x01\x00\x00\x00aq\x02K\x01J\xfe\xff\xff\xffJp\x11\x01\x00\x87q\x03X\x01\x00\x00\x00bq\x04]q\x05(\x88NX\x02\x00\x00\x00\xc3\xa4q\x06eu.rest";
        let mut from = &bytes[..];
        let pickle = Pickle::read(&mut from).unwrap();
        assert_eq!(from, b"rest");
        let entries = pickle.entries(pickle.root).unwrap();
        assert_eq!(entries.iter().map(|(key, _)| *key).collect::<Vec<_>>(), ["a", "b"]);
        let numbers: Vec<_> =
            pickle.tuple(entries[0].1).unwrap().iter().map(|&id| pickle.get(id)).collect();
        assert_eq!(numbers, [&Object::Int(1), &Object::Int(-2), &Object::Int(70000)]);
        assert_eq!(pickle.sizes(entries[0].1), None, "a negative number is no size");
        let Object::List(list) = pickle.get(entries[1].1) else { panic!("a list") };
        assert_eq!(pickle.text(list[2]), Some("ä"));
    }

    #[test]
    fn longs_are_read_with_their_sign_and_wider_ones_are_none() {
        let long = |bytes: &[u8]| {
            let all = [&[0x8a, bytes.len() as u8], bytes, b"."].concat();
            let pickle = read(&all).unwrap();
            pickle.get(pickle.root).clone()
        };
        assert_eq!(long(&[]), Object::Int(0));
        assert_eq!(long(&[0xFF]), Object::Int(-1));
        assert_eq!(long(&[0, 0, 1]), Object::Int(65536));
        assert_eq!(long(&[0xFF; 8]), Object::Int(-1));
        assert_eq!(long(&[1; 10]), Object::Other);
    }

    #[test]
    fn nesting_and_repetition_cost_neither_stack_nor_memory() {
        // A million tuples in one another; then a tuple that doubles itself a hundred times.
        let deep = [b")".as_slice(), &[0x85; 1_000_000], b"."].concat();
        assert!(matches!(read(&deep).unwrap().objects.last(), Some(Object::Tuple(_))));
        let doubled = [b")".as_slice(), &b"2\x86".repeat(100), b"."].concat();
        assert_eq!(read(&doubled).unwrap().objects.len(), 101);
        let endless = [b"K\x00".repeat(MAX_OBJECTS + 1), b".".to_vec()].concat();
        assert!(read(&endless).unwrap_err().contains("objects"));
    }

    #[test]
    fn what_is_no_pickle_is_a_sentence() {
        for (bytes, says) in [
            (b"".as_slice(), "ends early"),
            (b"X\xff\xff\xff\xffa", "4294967295 bytes"),
            (b"X\x09\x00\x00\x00a", "ends early"),
            (b"I1\n.", "opcode 0x49"),
            (b".", "stack is empty"),
            (b"t.", "no mark"),
            (b"h\x01.", "nothing is kept"),
            (b"K\x01K\x02a.", "expected a list, found a number"),
            (b"}(K\x01u.", "no value"),
            (b"K\x01(0t.", "above the stack"),
        ] {
            let error = read(bytes).unwrap_err();
            assert!(error.contains(says), "{bytes:?}: {error}");
        }
    }
}
