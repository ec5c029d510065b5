//! Memory for numbers that are about to be written: a home of `unsafe`, because it is not cleared first.

#![allow(unsafe_code, reason = "memory as the allocator gives it")]

use half::{bf16, f16};

mod sealed {
    pub trait Sealed {}
    impl Sealed for u8 {}
    impl Sealed for f32 {}
    impl Sealed for super::f16 {}
    impl Sealed for super::bf16 {}
}

/// Numbers of which every pattern of bits is one: `u8`, `f16`, `bf16`, `f32`.
pub trait PlainNumber: sealed::Sealed + Copy + Default {}

impl PlainNumber for u8 {}
impl PlainNumber for f32 {}
impl PlainNumber for f16 {}
impl PlainNumber for bf16 {}

/// So many numbers, whatever they are: memory as the allocator gives it. Clearing a batch first would cost as much as
/// half of what it takes to fill it from raw shards. Whoever asks for it writes each number before any is read.
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
pub fn uncleared<T: PlainNumber>(elements: usize) -> Vec<T> {
    let mut memory = Vec::<T>::with_capacity(elements);
    // SAFETY: there is room for so many numbers, and any bits are numbers. That there are bits, and the same ones at each
    // look, is what the assembly is for: by the rules of Rust, memory that nobody has written has none. The compiler
    // has to assume that the assembly, which is given the pointer, wrote all that it leads to. It writes nothing, so that it
    // is as if it wrote what lies there.
    unsafe {
        std::arch::asm!(
            "/* {0} */",
            in(reg) memory.as_mut_ptr(),
            options(nostack, preserves_flags)
        );
        memory.set_len(elements);
    }
    memory
}

/// So many numbers, whatever they are; here they are zeros.
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
pub fn uncleared<T: PlainNumber>(elements: usize) -> Vec<T> {
    vec![T::default(); elements]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uncleared_memory_has_its_length_and_holds_what_is_written() {
        for elements in [0, 1, 1000, 3 << 20] {
            let mut numbers = uncleared::<u8>(elements);
            assert_eq!(numbers.len(), elements);
            (0..elements).for_each(|at| numbers[at] = (at % 251) as u8);
            assert!((0..elements).all(|at| numbers[at] == (at % 251) as u8));
            assert_eq!(uncleared::<f16>(elements).len(), elements);
        }
    }
}
