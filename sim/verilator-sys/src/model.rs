//! A loaded model and its instances.

use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::ptr::NonNull;
use std::sync::Arc;

use crate::port::{Direction, Port, Source};
use crate::{Error, cache_directory, compile};

/// What a model can do besides run; each is another, slower build.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Extra {
    /// Nothing.
    #[default]
    None,
    /// Write FST traces; about 12 % slower even while it does not.
    Trace,
    /// Count which lines run and which bits toggle.
    Coverage,
}

/// A model as a shared library; every [`Model`] is one instance of it.
#[derive(Debug)]
pub struct Library {
    functions: Functions,
    ports: Vec<Port>,
    extra: Extra,
    // The functions above point into it.
    _loaded: libloading::Library,
}

#[derive(Clone, Copy, Debug)]
struct Functions {
    new: unsafe extern "C" fn() -> *mut c_void,
    free: unsafe extern "C" fn(*mut c_void),
    tick: unsafe extern "C" fn(*mut c_void, *const u64, *mut u64) -> c_int,
    message: unsafe extern "C" fn(*const c_void) -> *const c_char,
    trace: WriteFile,
    /// Of [`Extra::Coverage`] alone.
    coverage: Option<WriteFile>,
}

type WriteFile = unsafe extern "C" fn(*mut c_void, *const c_char) -> c_int;

impl Library {
    /// Loads the model of `source`, built with Verilator and g++ unless [`cache_directory`] holds it.
    ///
    /// A model that can trace is about 12 % slower even while it does not, so it is a separate build.
    ///
    /// # Errors
    /// A missing tool, a text that Verilator refuses, a port that the text does not have.
    pub fn load(source: &Source<'_>, trace: bool) -> Result<Arc<Self>, Error> {
        Self::load_with(source, if trace { Extra::Trace } else { Extra::None })
    }

    /// [`Library::load`] with what the model shall be able to do.
    ///
    /// # Errors
    /// As [`Library::load`].
    pub fn load_with(source: &Source<'_>, extra: Extra) -> Result<Arc<Self>, Error> {
        Self::load_from(source, extra, &cache_directory()?)
    }

    /// [`Library::load_with`] with another cache directory.
    ///
    /// # Errors
    /// As [`Library::load`].
    pub fn load_from(source: &Source<'_>, extra: Extra, cache: &Path) -> Result<Arc<Self>, Error> {
        let path = compile::library(source, extra, cache)?;
        let load = |source| Error::Load { path: path.clone(), source };
        // SAFETY: the library was written by `compile` from the shim; its initialisers are those of libstdc++
        // and Verilator, which have no precondition.
        let library = unsafe { libloading::Library::new(&path) }.map_err(load)?;
        // SAFETY: the names and types are those of the shim's exports, and the shim is part of the cache key.
        // The copied pointers stay valid because the struct keeps the library loaded.
        let functions = unsafe {
            Functions {
                new: *library.get(b"dut_new\0").map_err(load)?,
                free: *library.get(b"dut_free\0").map_err(load)?,
                tick: *library.get(b"dut_tick\0").map_err(load)?,
                message: *library.get(b"dut_message\0").map_err(load)?,
                trace: *library.get(b"dut_trace\0").map_err(load)?,
                coverage: match extra {
                    Extra::Coverage => Some(*library.get(b"dut_coverage\0").map_err(load)?),
                    _ => None,
                },
            }
        };
        Ok(Arc::new(Self { functions, ports: source.ports.to_vec(), extra, _loaded: library }))
    }

    /// A new instance, all inputs 0.
    ///
    /// # Errors
    /// The model's constructor failed (out of memory).
    pub fn instance(self: &Arc<Self>) -> Result<Model, Error> {
        // SAFETY: the function has no precondition.
        let raw = NonNull::new(unsafe { (self.functions.new)() })
            .ok_or_else(|| Error::Stopped("it cannot be constructed".to_owned()))?;
        let words = |inputs| {
            self.ports.iter().filter(|p| (p.direction == Direction::Input) == inputs).map(Port::words).sum()
        };
        Ok(Model {
            raw,
            inputs: vec![0; words(true)].into(),
            outputs: vec![0; words(false)].into(),
            library: Arc::clone(self),
        })
    }

    /// Whether instances can write traces.
    #[must_use]
    pub const fn can_trace(&self) -> bool {
        matches!(self.extra, Extra::Trace)
    }

    /// Where a port lies among the words of its direction; what is watched inside lies behind the outputs.
    ///
    /// # Errors
    /// There is no such port.
    pub fn signal(&self, direction: Direction, name: &str) -> Result<Signal, Error> {
        let in_direction = |direction| self.ports.iter().filter(move |p| p.direction == direction);
        let mut word = match direction {
            Direction::Inside => in_direction(Direction::Output).map(Port::words).sum(),
            _ => 0,
        };
        for port in in_direction(direction) {
            if port.name == name {
                return Ok(Signal { word, words: port.words() });
            }
            word += port.words();
        }
        Err(Error::Port { name: name.to_owned(), reason: "no such port in this direction" })
    }
}

/// Where a port lies among the words of [`Model::inputs`] or [`Model::outputs`], lowest word first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signal {
    /// First word.
    pub word: usize,
    /// Words.
    pub words: usize,
}

/// One instance of a model.
#[derive(Debug)]
pub struct Model {
    raw: NonNull<c_void>,
    inputs: Box<[u64]>,
    outputs: Box<[u64]>,
    library: Arc<Library>,
}

// SAFETY: an instance owns its context and state and touches no other; Verilator 5 models may move between threads
// as long as one thread at a time calls them, which `&mut self` guarantees.
unsafe impl Send for Model {}

impl Model {
    /// The values that the next cycle will see. Bits beyond a port's width must be 0.
    pub const fn inputs(&mut self) -> &mut [u64] {
        &mut self.inputs
    }

    /// The values that the design drove in the last cycle, settled, just before the clock edge.
    #[must_use]
    pub const fn outputs(&self) -> &[u64] {
        &self.outputs
    }

    /// Both of them, for logic that computes the next inputs from the last outputs.
    pub const fn pins(&mut self) -> (&mut [u64], &[u64]) {
        (&mut self.inputs, &self.outputs)
    }

    /// One clock cycle: applies the inputs, lets the logic settle, samples the outputs, then the rising edge.
    ///
    /// So inputs and outputs of the same call are what both sides of a handshake see at that edge.
    ///
    /// # Errors
    /// The design called `$fatal` or `$finish`, or does not settle.
    #[inline]
    pub fn tick(&mut self) -> Result<(), Error> {
        // SAFETY: `raw` is a live instance; the arrays have the lengths that the shim was written for.
        let failed = unsafe {
            (self.library.functions.tick)(self.raw.as_ptr(), self.inputs.as_ptr(), self.outputs.as_mut_ptr())
        };
        if failed == 0 { Ok(()) } else { Err(self.stopped()) }
    }

    #[cold]
    fn stopped(&self) -> Error {
        // SAFETY: the message is a NUL-terminated string owned by the live instance; it is copied at once.
        let text = unsafe { CStr::from_ptr((self.library.functions.message)(self.raw.as_ptr())) };
        Error::Stopped(text.to_string_lossy().into_owned())
    }

    /// Starts an FST trace of every signal, or ends the current one (`None`). A time unit is half a clock cycle.
    ///
    /// # Errors
    /// The model was built without tracing, or the file cannot be written.
    pub fn trace(&mut self, path: Option<&Path>) -> Result<(), Error> {
        if !self.library.can_trace() {
            return path.map_or(Ok(()), |_| Err(Error::NoTrace));
        }
        let bad = || Error::Trace(path.unwrap_or(Path::new("")).to_owned());
        let name = path.map(|p| CString::new(p.as_os_str().as_bytes())).transpose().map_err(|_| bad())?;
        let pointer = name.as_ref().map_or(std::ptr::null(), |n| n.as_ptr());
        // SAFETY: `raw` is a live instance; the name is NUL-terminated or null and outlives the call.
        let failed = unsafe { (self.library.functions.trace)(self.raw.as_ptr(), pointer) };
        if failed == 0 { Ok(()) } else { Err(bad()) }
    }

    /// Writes what this instance has counted so far, in the format of `verilator_coverage`.
    ///
    /// # Errors
    /// The model was built without [`Extra::Coverage`], or the file cannot be written.
    pub fn write_coverage(&mut self, path: &Path) -> Result<(), Error> {
        let write = self.library.functions.coverage.ok_or(Error::NoCoverage)?;
        let bad = || Error::Coverage(path.to_owned());
        let name = CString::new(path.as_os_str().as_bytes()).map_err(|_| bad())?;
        // SAFETY: `raw` is a live instance; the name is NUL-terminated and outlives the call.
        let failed = unsafe { write(self.raw.as_ptr(), name.as_ptr()) };
        if failed == 0 { Ok(()) } else { Err(bad()) }
    }

    /// The library of this instance.
    #[must_use]
    pub const fn library(&self) -> &Arc<Library> {
        &self.library
    }
}

impl Drop for Model {
    fn drop(&mut self) {
        // SAFETY: `raw` is a live instance and is not used afterwards; the library is still loaded.
        unsafe { (self.library.functions.free)(self.raw.as_ptr()) }
    }
}
