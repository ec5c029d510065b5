/* Stands for one of NVIDIA's libraries while a program is linked: every function jumps to its address in a table, which
 * `open.c` fills when a GPU is asked for. A jump and no call: arguments and results stay where they are.
 *
 * Compiled once for each library with FILE_NAME, PACKAGE, PLACE and FUNCTIONS, a file of lines `FUNCTION(name)`. */
#include "open.h"

#ifndef __x86_64__
#error "the jumps are those of x86-64"
#endif

#define FUNCTION(name) #name,
static const char *const names[] = {
#include FUNCTIONS
};
#undef FUNCTION

/* Until a function is found its entry leads to `absent_NAME`, which knows its number. __COUNTER__ is used here only, so that
 * it counts the lines from 0. */
#define FUNCTION(name) JUMP(name, __COUNTER__)
#define JUMP(name, number) CODE(name, number)
#define CODE(name, number)                                            \
    __attribute__((visibility("hidden"))) extern char absent_##name[]; \
    __asm__(".text\n"                                                 \
            ".globl " #name "\n"                                      \
            ".type " #name ", @function\n" #name ":\n"                 \
            "    jmp *addresses+8*" #number "(%rip)\n"                 \
            "absent_" #name ":\n"                                     \
            "    mov $" #number ", %edi\n"                            \
            "    jmp absent\n");
#include FUNCTIONS
#undef FUNCTION

#define FUNCTION(name) absent_##name,
__attribute__((used)) static void *addresses[] = {
#include FUNCTIONS
};

static struct library library = {
    .file = FILE_NAME,
    .package = PACKAGE,
    .place = PLACE,
    .names = names,
    .addresses = addresses,
    .count = sizeof names / sizeof *names,
};

__attribute__((used)) static void absent(int number) { tcolz_cuda_absent(&library, names[number]); }

__attribute__((constructor)) static void register_library(void) { tcolz_cuda_register(&library); }
