//! Writes canonical JSON (RFC 8785) in one pass into one buffer.
//!
//! Invariant: an object's members stand in the order of their names' UTF-16 units, each name once;
//! numbers are written as ECMAScript writes doubles. Members that came in another order are moved when
//! their object ends; most come in order. Deliberately absent: raw fragments, whose form nobody checked.

use std::cmp::Ordering;
use std::io::Write as _;

use serde::ser::{Error as _, Serialize, Serializer};
use serde_json::Error;

use super::compound::{List, Member, Object};

/// A first guess at the size of a text, so that it does not grow step by step.
const TEXT_CAPACITY_BYTES: usize = 1 << 10;
/// Whole numbers up to this are doubles, and are written digit by digit.
const EXACT_LIMIT: u64 = 1 << 53;
/// How serde_json names what only it can write.
const PRIVATE_PREFIX: &str = "$serde_json::private::";

/// A text in the making.
#[derive(Debug)]
pub(super) struct Writer {
    pub(super) text: Vec<u8>,
    /// The members of the objects that are open, those of the innermost last.
    pub(super) members: Vec<Member>,
    /// Where members are put in order.
    sorted: Vec<u8>,
}

impl Writer {
    pub(super) fn new() -> Self {
        let text = Vec::with_capacity(TEXT_CAPACITY_BYTES);
        Self { text, members: Vec::new(), sorted: Vec::new() }
    }

    pub(super) fn into_text(self) -> String {
        String::from_utf8(self.text).expect("texts, signs and digits alone were written")
    }

    pub(super) fn put(&mut self, bytes: &[u8]) {
        self.text.extend_from_slice(bytes);
    }

    fn unsigned(&mut self, value: u64) -> Result<(), Error> {
        if value > EXACT_LIMIT {
            #[expect(clippy::cast_precision_loss, reason = "JSON's numbers are doubles")]
            return self.double(value as f64);
        }
        write!(self.text, "{value}").map_err(Error::custom)
    }

    fn signed(&mut self, value: i64) -> Result<(), Error> {
        if value.unsigned_abs() > EXACT_LIMIT {
            #[expect(clippy::cast_precision_loss, reason = "JSON's numbers are doubles")]
            return self.double(value as f64);
        }
        write!(self.text, "{value}").map_err(Error::custom)
    }

    fn double(&mut self, value: f64) -> Result<(), Error> {
        if !value.is_finite() {
            return Err(Error::custom("NaN and infinity are no JSON numbers"));
        }
        self.put(ryu_js::Buffer::new().format_finite(value).as_bytes());
        Ok(())
    }

    fn list(&mut self, end: &'static [u8]) -> List<'_> {
        self.put(b"[");
        List { writer: self, is_empty: true, end }
    }

    fn object(&mut self, end: &'static [u8]) -> Object<'_> {
        self.put(b"{");
        let (start, first) = (self.text.len(), self.members.len());
        Object { writer: self, start, first, end }
    }

    /// Begins an object whose one member is named after a variant.
    fn variant(&mut self, name: &str) -> Result<(), Error> {
        self.put(b"{");
        self.serialize_str(name)?;
        self.put(b":");
        Ok(())
    }

    /// Puts the members from `first` on, which begin at `start`, in order.
    pub(super) fn sort(&mut self, first: usize, start: usize) {
        let Self { text, members, sorted } = self;
        let own = &mut members[first..];
        if own.is_sorted_by(|a, b| by_name(text, a, b) == Ordering::Less) {
            return;
        }
        own.sort_by(|a, b| by_name(text, a, b));
        sorted.clear();
        let mut last: Option<&Member> = None;
        for member in own.iter() {
            // Of two members with one name the first counts.
            if last.is_some_and(|last| by_name(text, last, member) == Ordering::Equal) {
                continue;
            }
            if last.is_some() {
                sorted.push(b',');
            }
            sorted.extend_from_slice(&text[member.start..member.end]);
            last = Some(member);
        }
        text.truncate(start);
        text.extend_from_slice(sorted);
    }
}

fn by_name(text: &[u8], a: &Member, b: &Member) -> Ordering {
    let (a, b) = (&text[a.start..a.name_end], &text[b.start..b.name_end]);
    let is_plain = |name: &[u8]| name.is_ascii() && !name.contains(&b'\\');
    if is_plain(a) && is_plain(b) {
        // Without the quotes, which would stand before longer names.
        return a[1..a.len() - 1].cmp(&b[1..b.len() - 1]);
    }
    let read = |name: &[u8]| {
        serde_json::from_slice::<String>(name).expect("a name was written as a JSON text")
    };
    read(a).encode_utf16().cmp(read(b).encode_utf16())
}

#[expect(clippy::cast_precision_loss, reason = "JSON's numbers are doubles")]
impl<'a> Serializer for &'a mut Writer {
    type Ok = ();
    type Error = Error;
    type SerializeSeq = List<'a>;
    type SerializeTuple = List<'a>;
    type SerializeTupleStruct = List<'a>;
    type SerializeTupleVariant = List<'a>;
    type SerializeMap = Object<'a>;
    type SerializeStruct = Object<'a>;
    type SerializeStructVariant = Object<'a>;

    fn serialize_bool(self, value: bool) -> Result<(), Error> {
        self.put(if value { b"true" } else { b"false" });
        Ok(())
    }

    fn serialize_i8(self, value: i8) -> Result<(), Error> {
        self.signed(value.into())
    }

    fn serialize_i16(self, value: i16) -> Result<(), Error> {
        self.signed(value.into())
    }

    fn serialize_i32(self, value: i32) -> Result<(), Error> {
        self.signed(value.into())
    }

    fn serialize_i64(self, value: i64) -> Result<(), Error> {
        self.signed(value)
    }

    fn serialize_i128(self, value: i128) -> Result<(), Error> {
        self.double(value as f64)
    }

    fn serialize_u8(self, value: u8) -> Result<(), Error> {
        self.unsigned(value.into())
    }

    fn serialize_u16(self, value: u16) -> Result<(), Error> {
        self.unsigned(value.into())
    }

    fn serialize_u32(self, value: u32) -> Result<(), Error> {
        self.unsigned(value.into())
    }

    fn serialize_u64(self, value: u64) -> Result<(), Error> {
        self.unsigned(value)
    }

    fn serialize_u128(self, value: u128) -> Result<(), Error> {
        self.double(value as f64)
    }

    fn serialize_f32(self, value: f32) -> Result<(), Error> {
        self.double(value.into())
    }

    fn serialize_f64(self, value: f64) -> Result<(), Error> {
        self.double(value)
    }

    fn serialize_char(self, value: char) -> Result<(), Error> {
        self.serialize_str(value.encode_utf8(&mut [0; 4]))
    }

    fn serialize_str(self, value: &str) -> Result<(), Error> {
        // Its escapes are those of RFC 8785.
        serde_json::to_writer(&mut self.text, value)
    }

    fn serialize_bytes(self, value: &[u8]) -> Result<(), Error> {
        self.collect_seq(value)
    }

    fn serialize_none(self) -> Result<(), Error> {
        self.serialize_unit()
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Error> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<(), Error> {
        self.put(b"null");
        Ok(())
    }

    fn serialize_unit_struct(self, _name: &'static str) -> Result<(), Error> {
        self.serialize_unit()
    }

    fn serialize_unit_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
    ) -> Result<(), Error> {
        self.serialize_str(variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        value: &T,
    ) -> Result<(), Error> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<(), Error> {
        self.variant(variant)?;
        value.serialize(&mut *self)?;
        self.put(b"}");
        Ok(())
    }

    fn serialize_seq(self, _length: Option<usize>) -> Result<List<'a>, Error> {
        Ok(self.list(b"]"))
    }

    fn serialize_tuple(self, _length: usize) -> Result<List<'a>, Error> {
        Ok(self.list(b"]"))
    }

    fn serialize_tuple_struct(
        self,
        _name: &'static str,
        _length: usize,
    ) -> Result<List<'a>, Error> {
        Ok(self.list(b"]"))
    }

    fn serialize_tuple_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        _length: usize,
    ) -> Result<List<'a>, Error> {
        self.variant(variant)?;
        Ok(self.list(b"]}"))
    }

    fn serialize_map(self, _length: Option<usize>) -> Result<Object<'a>, Error> {
        Ok(self.object(b"}"))
    }

    fn serialize_struct(self, name: &'static str, _length: usize) -> Result<Object<'a>, Error> {
        if name.starts_with(PRIVATE_PREFIX) {
            return Err(Error::custom("raw JSON has no form that is known"));
        }
        Ok(self.object(b"}"))
    }

    fn serialize_struct_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        _length: usize,
    ) -> Result<Object<'a>, Error> {
        self.variant(variant)?;
        Ok(self.object(b"}}"))
    }
}
