//! How SQLite's write-ahead log reaches the system: a commit's frames in one call.
//!
//! SQLite hands each frame over in two writes, its header and its page, sixty for a commit of thirty
//! pages. This layer over SQLite's own files (a "VFS shim", <https://www.sqlite.org/vfs.html>) gathers
//! writes to the log that follow upon one another, and hands them on as one.
//!
//! Invariant: what was gathered is in the file before the file is flushed, read, measured, cut or
//! closed. A commit is flushed before others may see it (`synchronous=FULL`), so that no other
//! connection ever looks for what is still here. The database itself is left to SQLite.

use std::ffi::{CStr, c_int, c_void};
use std::sync::OnceLock;
use std::{ptr, slice};

use rusqlite::ffi::{
    self, SQLITE_OK, SQLITE_OPEN_WAL, sqlite3_file, sqlite3_filename, sqlite3_int64,
    sqlite3_io_methods, sqlite3_vfs,
};

/// The name that a connection is opened with.
pub(super) const VFS: &CStr = c"mainstay";

/// The most that is gathered: a larger transaction is handed on in pieces. SQLite's own function looks
/// at the lowest 17 bits of a length alone.
const GATHERED_LIMIT_BYTES: usize = 64 << 10;

/// Where what is ours stands behind SQLite's own part of an open file; none when SQLite refused the layer.
static OURS_OFFSET_BYTES: OnceLock<Option<usize>> = OnceLock::new();

/// Makes [`VFS`] known to SQLite, once in a process. Answers whether it is.
pub(super) fn register() -> bool {
    OURS_OFFSET_BYTES.get_or_init(layer).is_some()
}

#[expect(unsafe_code, reason = "SQLite's files are reached through its C interface alone")]
fn layer() -> Option<usize> {
    // SAFETY: the default VFS, if there is one, lives as long as the process.
    let own = unsafe { ffi::sqlite3_vfs_find(ptr::null()).as_ref() }?;
    let offset = usize::try_from(own.szOsFile).ok()?.next_multiple_of(align_of::<Ours>());
    let layer = sqlite3_vfs {
        szOsFile: c_int::try_from(offset + size_of::<Ours>()).ok()?,
        pNext: ptr::null_mut(),
        zName: VFS.as_ptr(),
        pAppData: ptr::from_ref(own).cast_mut().cast(),
        xOpen: Some(open),
        ..*own
    };
    // SAFETY: what is registered is never freed. All but `xOpen` are SQLite's own functions, which do
    // not look at the VFS that they are called with.
    let code = unsafe { ffi::sqlite3_vfs_register(Box::leak(Box::new(layer)), 0) };
    (code == SQLITE_OK).then_some(offset)
}

/// What stands behind SQLite's own part of an open log.
struct Ours {
    /// The file's functions: SQLite's own but for those below.
    methods: sqlite3_io_methods,
    own: sqlite3_io_methods,
    gathered: Gathered,
}

/// Neighbouring writes that the file does not have yet.
#[derive(Debug, Default)]
struct Gathered {
    start: i64,
    bytes: Vec<u8>,
}

impl Gathered {
    /// Takes a write that follows upon the others.
    fn take(&mut self, bytes: &[u8], at: i64) -> bool {
        let end =
            i64::try_from(self.bytes.len()).ok().and_then(|held| self.start.checked_add(held));
        let follows = self.bytes.is_empty() || end == Some(at);
        if !follows || self.bytes.len() + bytes.len() > GATHERED_LIMIT_BYTES {
            return false;
        }
        if self.bytes.is_empty() {
            self.start = at;
        }
        self.bytes.extend_from_slice(bytes);
        true
    }

    /// Hands all of it to `write`, whatever becomes of it: SQLite undoes a transaction that failed.
    fn hand_on(&mut self, write: impl FnOnce(&[u8], i64) -> c_int) -> c_int {
        if self.bytes.is_empty() {
            return SQLITE_OK;
        }
        let code = write(&self.bytes, self.start);
        self.bytes.clear();
        code
    }
}

/// An open log, as SQLite hands it to the functions below.
#[derive(Clone, Copy)]
struct Log(*mut sqlite3_file);

#[expect(unsafe_code, reason = "SQLite's files are reached through its C interface alone")]
impl Log {
    /// # Safety
    /// `self` is a file that [`open`] made a log of and that is not closed; one thread is at it.
    unsafe fn ours<'a>(self) -> &'a mut Ours {
        let offset = OURS_OFFSET_BYTES.get().copied().flatten().unwrap_or_default();
        // SAFETY: SQLite gave the file as many bytes as the layer asked for, and `open` filled them.
        unsafe { &mut *self.0.byte_add(offset).cast::<Ours>() }
    }

    /// # Safety
    /// As of [`Log::ours`].
    unsafe fn hand_on(self) -> c_int {
        // SAFETY: as the caller promised.
        let Ours { own, gathered, .. } = unsafe { self.ours() };
        let write = own.xWrite;
        gathered.hand_on(|bytes, at| {
            let length = c_int::try_from(bytes.len()).unwrap_or(c_int::MAX);
            // SAFETY: SQLite's own function gets its own file, and bytes that are there.
            write.map_or(ffi::SQLITE_IOERR_WRITE, |write| unsafe {
                write(self.0, bytes.as_ptr().cast(), length, at)
            })
        })
    }

    /// Hands on what was gathered, then lets SQLite's own function do its work.
    ///
    /// # Safety
    /// As of [`Log::ours`]; `act` may be called with the file.
    unsafe fn behind<F>(
        self,
        pick: impl FnOnce(&sqlite3_io_methods) -> Option<F>,
        act: impl FnOnce(F) -> c_int,
    ) -> c_int {
        // SAFETY: as the caller promised.
        let (code, own) = unsafe { (self.hand_on(), &self.ours().own) };
        match pick(own) {
            Some(own) if code == SQLITE_OK => act(own),
            Some(_) => code,
            None => ffi::SQLITE_IOERR,
        }
    }
}

/// Opens a file as SQLite does. A log gets the functions below.
#[expect(unsafe_code, reason = "SQLite's files are reached through its C interface alone")]
unsafe extern "C" fn open(
    vfs: *mut sqlite3_vfs,
    name: sqlite3_filename,
    file: *mut sqlite3_file,
    flags: c_int,
    flags_out: *mut c_int,
) -> c_int {
    // SAFETY: `layer` put SQLite's own VFS there, and SQLite hands its own arguments over.
    unsafe {
        let own = (*vfs).pAppData.cast::<sqlite3_vfs>();
        let Some(open) = (*own).xOpen else { return ffi::SQLITE_CANTOPEN };
        let code = open(own, name, file, flags, flags_out);
        if code == SQLITE_OK && flags & SQLITE_OPEN_WAL != 0 {
            let offset = OURS_OFFSET_BYTES.get().copied().flatten().unwrap_or_default();
            let ours = file.byte_add(offset).cast::<Ours>();
            let own = *(*file).pMethods;
            let methods = sqlite3_io_methods {
                xClose: Some(close),
                xRead: Some(read),
                xWrite: Some(write),
                xTruncate: Some(truncate),
                xSync: Some(sync),
                xFileSize: Some(file_size),
                ..own
            };
            ours.write(Ours { methods, own, gathered: Gathered::default() });
            (*file).pMethods = &raw const (*ours).methods;
        }
        code
    }
}

#[expect(unsafe_code, reason = "SQLite's files are reached through its C interface alone")]
unsafe extern "C" fn write(
    file: *mut sqlite3_file,
    bytes: *const c_void,
    length: c_int,
    at: sqlite3_int64,
) -> c_int {
    // SAFETY: SQLite's contract of `xWrite`: an open file, and so many bytes.
    unsafe {
        let log = Log(file);
        let bytes = slice::from_raw_parts(bytes.cast::<u8>(), usize::try_from(length).unwrap_or(0));
        if log.ours().gathered.take(bytes, at) {
            return SQLITE_OK;
        }
        match log.hand_on() {
            SQLITE_OK if log.ours().gathered.take(bytes, at) => SQLITE_OK,
            // Larger than what is ever gathered.
            SQLITE_OK => {
                log.behind(|own| own.xWrite, |own| own(file, bytes.as_ptr().cast(), length, at))
            }
            code => code,
        }
    }
}

#[expect(unsafe_code, reason = "SQLite's files are reached through its C interface alone")]
unsafe extern "C" fn read(
    file: *mut sqlite3_file,
    bytes: *mut c_void,
    length: c_int,
    at: sqlite3_int64,
) -> c_int {
    // SAFETY: SQLite's contract of `xRead`, whose arguments are handed over.
    unsafe { Log(file).behind(|own| own.xRead, |own| own(file, bytes, length, at)) }
}

#[expect(unsafe_code, reason = "SQLite's files are reached through its C interface alone")]
unsafe extern "C" fn truncate(file: *mut sqlite3_file, size: sqlite3_int64) -> c_int {
    // SAFETY: SQLite's contract of `xTruncate`, whose arguments are handed over.
    unsafe { Log(file).behind(|own| own.xTruncate, |own| own(file, size)) }
}

#[expect(unsafe_code, reason = "SQLite's files are reached through its C interface alone")]
unsafe extern "C" fn sync(file: *mut sqlite3_file, flags: c_int) -> c_int {
    // SAFETY: SQLite's contract of `xSync`, whose arguments are handed over.
    unsafe { Log(file).behind(|own| own.xSync, |own| own(file, flags)) }
}

#[expect(unsafe_code, reason = "SQLite's files are reached through its C interface alone")]
unsafe extern "C" fn file_size(file: *mut sqlite3_file, size: *mut sqlite3_int64) -> c_int {
    // SAFETY: SQLite's contract of `xFileSize`, whose arguments are handed over.
    unsafe { Log(file).behind(|own| own.xFileSize, |own| own(file, size)) }
}

#[expect(unsafe_code, reason = "SQLite's files are reached through its C interface alone")]
unsafe extern "C" fn close(file: *mut sqlite3_file) -> c_int {
    // SAFETY: SQLite's contract of `xClose`: an open file, which nobody uses behind this.
    unsafe {
        let log = Log(file);
        let handed_on = log.hand_on();
        let own = log.ours().own.xClose;
        ptr::drop_in_place(log.ours());
        let closed = own.map_or(ffi::SQLITE_IOERR_CLOSE, |own| own(file));
        if handed_on == SQLITE_OK { closed } else { handed_on }
    }
}

#[cfg(test)]
#[path = "frames_tests.rs"]
mod tests;
