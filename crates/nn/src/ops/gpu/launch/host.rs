//! The kernels on the CPU, for tests: kernels.cu compiled as C++, with blocks of four threads.
#![allow(unsafe_code, reason = "what the compiler made is called by its address")]

use std::ffi::{CString, c_void};
use std::path::Path;
use std::process::Command;
use std::sync::{Mutex, OnceLock};

use candle_core::{CpuStorage, Storage};

use super::super::super::numbers::Numbers;
use super::{INPUTS, Launch, OUTPUTS, Parameters, Work};

type Run =
    unsafe extern "C" fn(*const c_void, u32, *const *const f32, *const *mut f32, *const Parameters);

/// A library that stays loaded. One kernel runs at a time: its threads have a barrier in common.
struct Library(Mutex<usize>);

impl Library {
    fn get() -> &'static Library {
        static LIBRARY: OnceLock<Library> = OnceLock::new();
        LIBRARY.get_or_init(|| {
            let folder = tempfile::tempdir().unwrap();
            let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/ops/gpu");
            let (program, library) =
                (folder.path().join("kernels.cpp"), folder.path().join("k.so"));
            let parts = ["host.h", "kernels.cu", "host_run.h"];
            let text = parts.map(|part| format!("#include \"{}\"\n", source.join(part).display()));
            std::fs::write(&program, text.concat()).unwrap();
            let mut compiler = Command::new("c++");
            compiler.args([
                "-std=c++20",
                "-O1",
                "-shared",
                "-fPIC",
                "-pthread",
                "-ffp-contract=off",
                "-DTHREADS=4",
            ]);
            let status = compiler.arg("-o").arg(&library).arg(&program).status();
            assert!(
                status.expect("a C++ compiler is there").success(),
                "the kernels do not compile"
            );
            let path = CString::new(library.to_str().unwrap()).unwrap();
            // SAFETY: a path that ends in 0, to a library without initialisers of its own.
            let handle = unsafe { libc::dlopen(path.as_ptr(), libc::RTLD_NOW) };
            assert!(!handle.is_null(), "the library of the kernels does not load");
            Library(Mutex::new(handle as usize))
        })
    }

    fn symbol(handle: usize, name: &str) -> *const c_void {
        let name = CString::new(name).unwrap();
        // SAFETY: a handle of dlopen, and a name that ends in 0.
        let found = unsafe { libc::dlsym(handle as *mut c_void, name.as_ptr()) };
        assert!(!found.is_null(), "no kernel {name:?}");
        found
    }
}

impl Launch<'_> {
    pub(super) fn on_host(&self) -> Vec<Storage> {
        let numbers: Vec<Option<Numbers<'_>>> = self
            .inputs
            .iter()
            .map(|input| input.map(|input| Numbers::of(input).unwrap()))
            .collect();
        let mut inputs = [std::ptr::null(); INPUTS];
        for (input, numbers) in inputs.iter_mut().zip(&numbers) {
            *input = numbers.as_ref().map_or(std::ptr::null(), |numbers| numbers.as_ptr());
        }
        // What a kernel leaves out is found by its not being a number.
        let mut results: Vec<Vec<f32>> =
            self.outputs.iter().map(|&count| vec![f32::NAN; count]).collect();
        let mut outputs = [std::ptr::null_mut(); OUTPUTS];
        for (output, numbers) in outputs.iter_mut().zip(&mut results) {
            *output = numbers.as_mut_ptr();
        }
        let handle = Library::get().0.lock().unwrap();
        let kernel = Library::symbol(*handle, self.kernel);
        // SAFETY: host_run.h says the same of this function.
        let run: Run = unsafe { std::mem::transmute(Library::symbol(*handle, "host_run")) };
        let blocks = match self.work {
            // Threads go round: a few blocks do it all.
            Work::Numbers => self.blocks().min(3),
            Work::Channels => self.blocks(),
        };
        // SAFETY: as on the GPU: the kernel reads and writes inside of what the parameters say.
        unsafe { run(kernel, blocks, inputs.as_ptr(), outputs.as_ptr(), &self.parameters) };
        results.into_iter().map(|numbers| Storage::Cpu(CpuStorage::F32(numbers))).collect()
    }
}

#[test]
fn parameters_have_the_size_that_the_kernels_say() {
    let handle = Library::get().0.lock().unwrap();
    let size = Library::symbol(*handle, "host_parameters_size");
    // SAFETY: host_run.h says the same of this function.
    let size: extern "C" fn() -> u32 = unsafe { std::mem::transmute(size) };
    assert_eq!(size() as usize, size_of::<Parameters>());
}
