//! Lists and objects while they are written.

use serde::ser::{
    Error as _, Serialize, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant,
    SerializeTuple, SerializeTupleStruct, SerializeTupleVariant,
};
use serde_json::Error;

use super::writer::Writer;

/// Where a member of an object stands in the text.
#[derive(Debug, Clone, Copy)]
pub(super) struct Member {
    pub(super) start: usize,
    pub(super) name_end: usize,
    pub(super) end: usize,
}

/// A list under way.
pub(super) struct List<'a> {
    pub(super) writer: &'a mut Writer,
    pub(super) is_empty: bool,
    pub(super) end: &'static [u8],
}

impl List<'_> {
    fn add<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        if !std::mem::take(&mut self.is_empty) {
            self.writer.put(b",");
        }
        value.serialize(&mut *self.writer)
    }

    fn finish(self) {
        self.writer.put(self.end);
    }
}

/// An object under way.
pub(super) struct Object<'a> {
    pub(super) writer: &'a mut Writer,
    /// Where its first member begins in the text.
    pub(super) start: usize,
    /// Its first member among those of all open objects.
    pub(super) first: usize,
    pub(super) end: &'static [u8],
}

impl Object<'_> {
    fn add_name<T: Serialize + ?Sized>(&mut self, name: &T) -> Result<(), Error> {
        if self.writer.members.len() > self.first {
            self.writer.put(b",");
        }
        let start = self.writer.text.len();
        name.serialize(&mut *self.writer)?;
        match self.writer.text.get(start) {
            Some(b'"') => {}
            Some(b'-' | b'0'..=b'9' | b't' | b'f') => {
                self.writer.text.insert(start, b'"');
                self.writer.put(b"\"");
            }
            _ => return Err(Error::custom("key must be a string")),
        }
        let name_end = self.writer.text.len();
        self.writer.members.push(Member { start, name_end, end: name_end });
        self.writer.put(b":");
        Ok(())
    }

    fn add_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        value.serialize(&mut *self.writer)?;
        let end = self.writer.text.len();
        if let Some(member) = self.writer.members.last_mut() {
            member.end = end;
        }
        Ok(())
    }

    fn finish(self) {
        self.writer.sort(self.first, self.start);
        self.writer.members.truncate(self.first);
        self.writer.put(self.end);
    }
}

macro_rules! lists {
    ($($kind:ident: $add:ident;)+) => {$(
        impl $kind for List<'_> {
            type Ok = ();
            type Error = Error;

            fn $add<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
                self.add(value)
            }

            fn end(self) -> Result<(), Error> {
                self.finish();
                Ok(())
            }
        }
    )+};
}

lists! {
    SerializeSeq: serialize_element;
    SerializeTuple: serialize_element;
    SerializeTupleStruct: serialize_field;
    SerializeTupleVariant: serialize_field;
}

macro_rules! structs {
    ($($kind:ident)+) => {$(
        impl $kind for Object<'_> {
            type Ok = ();
            type Error = Error;

            fn serialize_field<T: Serialize + ?Sized>(
                &mut self,
                name: &'static str,
                value: &T,
            ) -> Result<(), Error> {
                self.add_name(name)?;
                self.add_value(value)
            }

            fn end(self) -> Result<(), Error> {
                self.finish();
                Ok(())
            }
        }
    )+};
}

structs! { SerializeStruct SerializeStructVariant }

impl SerializeMap for Object<'_> {
    type Ok = ();
    type Error = Error;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, name: &T) -> Result<(), Error> {
        self.add_name(name)
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        self.add_value(value)
    }

    fn end(self) -> Result<(), Error> {
        self.finish();
        Ok(())
    }
}
