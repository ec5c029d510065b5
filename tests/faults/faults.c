/* Faults for a process that is told to preload this: kills, failing syncs, full disks, unreadable
 * files, at exactly named moments. Only calls on files and folders below FAULT_ROOT count.
 *
 *   FAULT_ROOT=FOLDER          where it happens
 *   FAULT_TRACE=FILE           a line for each sync that was done; FILE lies outside of FOLDER
 *   FAULT_KILL=N,before|after  SIGKILL at the N-th sync, before or after it is done
 *   FAULT_SYNC=N,ERRNO         the N-th sync fails
 *   FAULT_DISK=BYTES           after so many bytes a write is cut short, and later ones fail: ENOSPC
 *   FAULT_READ=N,ERRNO,END     the N-th read of a file whose path ends in END fails
 *   FAULT_CUT=BYTES,END        a file whose path ends in END is cut to so many bytes once it is mapped
 *   FAULT_READS=FILE           a line for each positioned read of a regular file: offset, bytes, path
 *
 * Lines of the trace, their fields divided by tabs: what the disk must remember from then on.
 *   file <inode> <bytes> <path>
 *   folder <path> <name>/<name>/...
 *
 * `rename` is not among the calls: the crate that renames makes the system call itself. A kill
 * before the sync of a folder is a kill after the rename.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

static atomic_long syncs, reads, written;

/* True, with its path and state, for a descriptor of a file or folder below FAULT_ROOT. */
static int below_root(int fd, char path[PATH_MAX], struct stat *state) {
    const char *root = getenv("FAULT_ROOT");
    if (root == NULL || fstat(fd, state) != 0) return 0;
    if (!S_ISREG(state->st_mode) && !S_ISDIR(state->st_mode)) return 0;
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, PATH_MAX - 1);
    if (length < 0) return 0;
    path[length] = '\0';
    size_t root_length = strlen(root);
    return strncmp(path, root, root_length) == 0 &&
           (path[root_length] == '/' || path[root_length] == '\0');
}

static void add(char **text, const char *more) {
    size_t old = *text == NULL ? 0 : strlen(*text);
    char *longer = realloc(*text, old + strlen(more) + 1);
    if (longer == NULL) abort();
    strcpy(longer + old, more);
    *text = longer;
}

static void trace(const char *path, const struct stat *state) {
    const char *file = getenv("FAULT_TRACE");
    if (file == NULL) return;
    char *line = NULL;
    if (S_ISREG(state->st_mode)) {
        char numbers[64];
        snprintf(numbers, sizeof numbers, "file\t%llu\t%lld\t", (unsigned long long)state->st_ino,
                 (long long)state->st_size);
        add(&line, numbers);
        add(&line, path);
    } else {
        add(&line, "folder\t");
        add(&line, path);
        add(&line, "\t");
        DIR *folder = opendir(path);
        if (folder == NULL) abort();
        for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
            if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
            add(&line, entry->d_name);
            add(&line, "/");
        }
        closedir(folder);
    }
    add(&line, "\n");
    int fd = open(file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    /* Past our own `write`, which would count it. */
    if (fd < 0 || syscall(SYS_write, fd, line, strlen(line)) != (long)strlen(line)) abort();
    close(fd);
    free(line);
}

/* The text after "N," in the variable, where N is this number; NULL otherwise. */
static const char *due(const char *variable, long number) {
    const char *value = getenv(variable);
    if (value == NULL) return NULL;
    char *rest;
    return strtol(value, &rest, 10) == number && *rest == ',' ? rest + 1 : NULL;
}

static int sync_with(const char *call, int fd) {
    int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, call);
    char path[PATH_MAX];
    struct stat state;
    if (!below_root(fd, path, &state)) return real(fd);
    long number = atomic_fetch_add(&syncs, 1) + 1;
    const char *moment = due("FAULT_KILL", number);
    const char *fails = due("FAULT_SYNC", number);
    if (moment != NULL && strcmp(moment, "before") == 0) kill(getpid(), SIGKILL);
    if (fails != NULL) {
        errno = atoi(fails);
        return -1;
    }
    int result = real(fd);
    if (result == 0) trace(path, &state);
    if (moment != NULL) kill(getpid(), SIGKILL);
    return result;
}

int fsync(int fd) { return sync_with("fsync", fd); }

int fdatasync(int fd) { return sync_with("fdatasync", fd); }

/* How many of these bytes the disk has room for; -1 where it is not this disk. */
static ssize_t room(int fd, size_t wanted) {
    const char *disk = getenv("FAULT_DISK");
    char path[PATH_MAX];
    struct stat state;
    if (disk == NULL || !below_root(fd, path, &state) || !S_ISREG(state.st_mode)) return -1;
    long before = atomic_fetch_add(&written, (long)wanted);
    long left = atol(disk) - before;
    return left <= 0 ? 0 : (size_t)left < wanted ? left : (ssize_t)wanted;
}

ssize_t write(int fd, const void *bytes, size_t count) {
    ssize_t left = room(fd, count);
    if (left == 0 && count > 0) {
        errno = ENOSPC;
        return -1;
    }
    return syscall(SYS_write, fd, bytes, left < 0 ? count : (size_t)left);
}

ssize_t pwrite64(int fd, const void *bytes, size_t count, off64_t offset) {
    ssize_t left = room(fd, count);
    if (left == 0 && count > 0) {
        errno = ENOSPC;
        return -1;
    }
    return syscall(SYS_pwrite64, fd, bytes, left < 0 ? count : (size_t)left, offset);
}

ssize_t writev(int fd, const struct iovec *parts, int count) {
    size_t wanted = 0;
    for (int part = 0; part < count; part++) wanted += parts[part].iov_len;
    ssize_t left = room(fd, wanted);
    if (left < 0 || (size_t)left == wanted) return syscall(SYS_writev, fd, parts, count);
    for (int part = 0; part < count && left > 0; part++) {
        if (parts[part].iov_len == 0) continue;
        size_t length = parts[part].iov_len < (size_t)left ? parts[part].iov_len : (size_t)left;
        return syscall(SYS_write, fd, parts[part].iov_base, length);
    }
    errno = ENOSPC;
    return -1;
}

/* The error that a read must fail with, or 0. */
static int read_error(int fd) {
    const char *value = getenv("FAULT_READ");
    char path[PATH_MAX];
    struct stat state;
    if (value == NULL || !below_root(fd, path, &state) || !S_ISREG(state.st_mode)) return 0;
    const char *end = strrchr(value, ',');
    if (end == NULL || strlen(path) < strlen(end + 1)) return 0;
    if (strcmp(path + strlen(path) - strlen(end + 1), end + 1) != 0) return 0;
    const char *fails = due("FAULT_READ", atomic_fetch_add(&reads, 1) + 1);
    return fails == NULL ? 0 : atoi(fails);
}

ssize_t read(int fd, void *bytes, size_t count) {
    int error = read_error(fd);
    if (error != 0) {
        errno = error;
        return -1;
    }
    return syscall(SYS_read, fd, bytes, count);
}

static void note_read(int fd, size_t count, off64_t offset) {
    const char *file = getenv("FAULT_READS");
    char path[PATH_MAX], line[PATH_MAX + 64];
    struct stat state;
    if (file == NULL || !below_root(fd, path, &state) || !S_ISREG(state.st_mode)) return;
    int length = snprintf(line, sizeof line, "%lld\t%zu\t%s\n", (long long)offset, count, path);
    int log = open(file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    if (log < 0 || syscall(SYS_write, log, line, length) != length) abort();
    close(log);
}

ssize_t pread64(int fd, void *bytes, size_t count, off64_t offset) {
    int error = read_error(fd);
    if (error != 0) {
        errno = error;
        return -1;
    }
    note_read(fd, count, offset);
    return syscall(SYS_pread64, fd, bytes, count, offset);
}

/* Every map that libraries make; the C library's own go another way. */
void *mmap64(void *address, size_t length, int protection, int flags, int fd, off64_t offset) {
    void *map = (void *)syscall(SYS_mmap, address, length, protection, flags, fd, offset);
    const char *value = getenv("FAULT_CUT");
    char path[PATH_MAX];
    struct stat state;
    if (map == MAP_FAILED || fd < 0 || value == NULL || !below_root(fd, path, &state)) return map;
    const char *end = strrchr(value, ',');
    if (end == NULL || strlen(path) < strlen(end + 1)) return map;
    if (strcmp(path + strlen(path) - strlen(end + 1), end + 1) != 0) return map;
    if (truncate(path, atol(value)) != 0) abort();
    return map;
}
