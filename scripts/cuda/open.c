/* Opens the driver and NVIDIA's libraries when a program first asks for a GPU, wherever the system's loader or pip has put
 * them. What is missing becomes an error of `cuInit`, whose sentence `cuGetErrorString` gives. So a program that was built
 * for GPUs starts without any of them, and can work on the CPU.
 *
 * FOR_CUDA is the version of CUDA that it was built with, as 13000: its kernels need a driver of that version or a later
 * one. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <glob.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "open.h"

/* CUresult of cuda.h. */
enum {
    SUCCESS = 0,
    INVALID_VALUE = 1,
    NO_DEVICE = 100,
    SHARED_OBJECT_INIT_FAILED = 303,
    SYSTEM_DRIVER_MISMATCH = 803,
};

/* Where pip, conda and NVIDIA's own packages put libraries, below a folder that an environment variable names. */
static const struct {
    const char *variable;
    const char *folder;
} places[] = {
    {"VIRTUAL_ENV", "lib/python3*/site-packages/nvidia/*/lib"},
    {"CONDA_PREFIX", "lib/python3*/site-packages/nvidia/*/lib"},
    {"CONDA_PREFIX", "lib"},
    {"HOME", ".local/lib/python3*/site-packages/nvidia/*/lib"},
    {NULL, "/usr/local/lib/python3*/*-packages/nvidia/*/lib"},
    {NULL, "/usr/local/cuda/lib64"},
};
/* The same beside the program, where it lies in the folder `bin` of an environment. */
#define BESIDE_PROGRAM "../lib/python3*/site-packages/nvidia/*/lib"

static struct library *libraries;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static int (*driver_init)(unsigned flags);
static int (*driver_error_string)(int error, const char **text);
static int (*driver_error_name)(int error, const char **text);
/* Why no GPU can be used, where the reason is ours. */
static int failure = SUCCESS;
static char sentence[4096];

void tcolz_cuda_register(struct library *library) {
    struct library **at = &libraries;
    while (*at && (*at)->place < library->place) at = &(*at)->next;
    library->next = *at;
    *at = library;
}

void tcolz_cuda_absent(const struct library *library, const char *name) {
    if (library->handle && *library->package)
        fprintf(stderr, "error: %s has no %s: it is older than this program expects; install:  pip install --upgrade '%s'\n",
                library->file, name, library->package);
    else
        fprintf(stderr, "error: %s has no %s, or was not opened: the driver may be too old\n", library->file, name);
    _exit(1);
}

/* Calls `use` with each file of this pattern in the places, until it gives something. */
static void *find(const char *pattern, void *(*use)(const char *path)) {
    void *found = NULL;
    for (size_t i = 0; !found && i <= sizeof places / sizeof *places; i++) {
        char path[2 * PATH_MAX], program[PATH_MAX];
        if (i == sizeof places / sizeof *places) {
            ssize_t length = readlink("/proc/self/exe", program, sizeof program - 1);
            if (length <= 0) continue;
            program[length] = 0;
            *strrchr(program, '/') = 0;
            snprintf(path, sizeof path, "%s/" BESIDE_PROGRAM "/%s", program, pattern);
        } else if (places[i].variable) {
            const char *folder = getenv(places[i].variable);
            if (!folder || !*folder) continue;
            snprintf(path, sizeof path, "%s/%s/%s", folder, places[i].folder, pattern);
        } else {
            snprintf(path, sizeof path, "%s/%s", places[i].folder, pattern);
        }
        glob_t files;
        if (glob(path, 0, NULL, &files) == 0) {
            for (size_t file = 0; !found && file < files.gl_pathc; file++) found = use(files.gl_pathv[file]);
            globfree(&files);
        }
    }
    return found;
}

static void *open_path(const char *path) { return dlopen(path, RTLD_NOW); }

static void *file_name(const char *path) { return strdup(strrchr(path, '/') + 1); }

static void open_library(struct library *library) {
    library->handle = open_path(library->file);
    char reason[1024] = "";
    if (!library->handle) {
        const char *error = dlerror();
        /* The loader says so of the library itself; of another one that it needs, or of a damaged file, it says more. */
        if (error && (strncmp(error, library->file, strlen(library->file)) || !strstr(error, "No such file")))
            snprintf(reason, sizeof reason, "%s", error);
        library->handle = find(library->file, open_path);
        error = library->handle ? NULL : dlerror();
        if (error) snprintf(reason, sizeof reason, "%s", error);
    }
    if (!library->handle) {
        failure = *library->package ? SHARED_OBJECT_INIT_FAILED : NO_DEVICE;
        if (!*library->package) {
            snprintf(sentence, sizeof sentence, "no NVIDIA driver: %s %s%s", library->file,
                     *reason ? "cannot be opened: " : "is not there", reason);
            return;
        }
        char pattern[NAME_MAX];
        snprintf(pattern, sizeof pattern, "%.*s.so.*", (int)(strstr(library->file, ".so") - library->file), library->file);
        char *other = *reason ? NULL : find(pattern, file_name);
        snprintf(sentence, sizeof sentence, "%s %s%s%s%s; install:  pip install '%s'", library->file,
                 *reason ? "cannot be opened: " : "is missing", reason, other ? ", there is another version, " : "",
                 other ? other : "", library->package);
        free(other);
        return;
    }
    for (size_t i = 0; i < library->count; i++) {
        void *address = dlsym(library->handle, library->names[i]);
        if (address) library->addresses[i] = address;
    }
}

/* The driver, its devices, its version, and then what only a GPU needs. */
static void open_all(void) {
    struct library *driver = libraries;
    open_library(driver);
    if (failure) return;
    driver_init = (int (*)(unsigned))dlsym(driver->handle, "cuInit");
    driver_error_string = (int (*)(int, const char **))dlsym(driver->handle, "cuGetErrorString");
    driver_error_name = (int (*)(int, const char **))dlsym(driver->handle, "cuGetErrorName");
    int (*version)(int *) = (int (*)(int *))dlsym(driver->handle, "cuDriverGetVersion");
    int found = 0;
    if (!driver_init || !version || version(&found) != SUCCESS) {
        failure = SYSTEM_DRIVER_MISMATCH;
        snprintf(sentence, sizeof sentence, "%s is no driver that this program knows", driver->file);
        return;
    }
    if (driver_init(0) != SUCCESS) return;
    if (found < FOR_CUDA) {
        failure = SYSTEM_DRIVER_MISMATCH;
        snprintf(sentence, sizeof sentence,
                 "the driver (%s) knows CUDA up to %d.%d, and this program needs %d.%d: install a newer driver", driver->file,
                 found / 1000, found % 1000 / 10, FOR_CUDA / 1000, FOR_CUDA % 1000 / 10);
        return;
    }
    for (struct library *library = driver->next; library && !failure; library = library->next) open_library(library);
}

int cuInit(unsigned flags) {
    pthread_once(&once, open_all);
    return failure ? failure : driver_init(flags);
}

int cuGetErrorString(int error, const char **text) {
    if (failure && error == failure) {
        *text = sentence;
        return SUCCESS;
    }
    return driver_error_string ? driver_error_string(error, text) : INVALID_VALUE;
}

int cuGetErrorName(int error, const char **text) {
    return driver_error_name ? driver_error_name(error, text) : INVALID_VALUE;
}
