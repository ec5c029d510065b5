/* One of NVIDIA's libraries, as `library.c` describes it to `open.c`. */
#pragma once
#include <stddef.h>

struct library {
    const char *file;         /* libcublas.so.13 */
    const char *package;      /* what pip calls it; empty: it comes with the driver */
    int place;                /* in the order of opening: a library after those it needs */
    const char *const *names; /* functions */
    void **addresses;         /* where they are, once the library is open */
    size_t count;
    void *handle;
    struct library *next;
};

/* Called by each library that the program was linked with, before main. */
void tcolz_cuda_register(struct library *library);

/* A function was called that the library does not have. Says so and ends the process. */
_Noreturn void tcolz_cuda_absent(const struct library *library, const char *name);
