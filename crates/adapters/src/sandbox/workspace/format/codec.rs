//! Numbers and byte strings.

use crate::sandbox::workspace::shelf::BlobHash;

/// A blob that is not what it should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadBlob(pub(super) String);

pub(super) fn bad(what: impl Into<String>) -> BadBlob {
    BadBlob(what.into())
}

/// Appends a number: seven bits a byte, lowest first, the high bit set on all but the last.
pub(super) fn put_number(out: &mut Vec<u8>, number: u64) {
    let mut rest = number;
    loop {
        let low = u8::try_from(rest & 0x7f).expect("seven bits");
        rest >>= 7;
        if rest == 0 {
            out.push(low);
            return;
        }
        out.push(low | 0x80);
    }
}

pub(super) fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put_number(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// Reads a blob from its front.
pub(super) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    /// What lies behind `head`.
    pub(super) fn behind(blob: &'a [u8], head: &[u8]) -> Result<Self, BadBlob> {
        blob.strip_prefix(head).map(Self).ok_or_else(|| bad("it begins with something else"))
    }

    pub(super) fn take(&mut self, count: usize) -> Result<&'a [u8], BadBlob> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or_else(|| bad("it is cut off"))?;
        self.0 = rest;
        Ok(taken)
    }

    pub(super) fn byte(&mut self) -> Result<u8, BadBlob> {
        Ok(self.take(1)?[0])
    }

    pub(super) fn number(&mut self) -> Result<u64, BadBlob> {
        let mut number = 0_u64;
        for shift in (0..u64::BITS).step_by(7) {
            let byte = self.byte()?;
            let low = u64::from(byte & 0x7f);
            let placed = low << shift;
            if placed >> shift != low {
                break;
            }
            number |= placed;
            if byte & 0x80 == 0 {
                if byte == 0 && shift > 0 {
                    return Err(bad("a number is longer than it needs to be"));
                }
                return Ok(number);
            }
        }
        Err(bad("a number is too large"))
    }

    /// A number of things that take at least `each_bytes` each: more than there is room for is refused
    /// before anything is reserved for them.
    pub(super) fn count(&mut self, each_bytes: usize) -> Result<usize, BadBlob> {
        let count = self.size()?;
        if count > self.0.len() / each_bytes {
            return Err(bad("it is cut off"));
        }
        Ok(count)
    }

    pub(super) fn size(&mut self) -> Result<usize, BadBlob> {
        usize::try_from(self.number()?).map_err(|_| bad("a length is too large"))
    }

    pub(super) fn hash(&mut self) -> Result<BlobHash, BadBlob> {
        Ok(self.take(32)?.try_into().expect("as many were taken"))
    }

    pub(super) fn bytes(&mut self) -> Result<&'a [u8], BadBlob> {
        let count = self.size()?;
        self.take(count)
    }

    pub(super) fn end(self) -> Result<(), BadBlob> {
        if self.0.is_empty() { Ok(()) } else { Err(bad("something follows its end")) }
    }
}
