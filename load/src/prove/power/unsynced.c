/* A library to be preloaded: writes down, for every change of a file below one folder, how to undo it,
 * and which changes an fsync has made durable. After the process was killed, whoever undoes the rest
 * has the files as a power cut might have left them.
 *
 * UNSYNCED_FOLDER is the folder, UNSYNCED_LOG the file of the log. Records are in the byte order of the
 * machine:
 *     u8 kind, u64 number, u64 a, u64 b, u32 lengths of path, other path and bytes, and these three
 * kinds: W bytes at a were overwritten (the old ones are kept), the file was b bytes long
 *        T the file was cut or grown from b bytes (the tail from a on is kept)
 *        C the file was made        R path was renamed to other; bytes: the path of what it replaced
 *        U path was removed; other: where its content is kept
 *        S an fsync of path began after change a    D the same of a folder
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

static pthread_mutex_t turn = PTHREAD_MUTEX_INITIALIZER;
static char folder[PATH_MAX], kept[PATH_MAX];
static size_t folder_length;
static int log_file = -1;
static uint64_t number, kept_number;

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

__attribute__((constructor)) static void start(void)
{
    const char *where = getenv("UNSYNCED_FOLDER"), *log = getenv("UNSYNCED_LOG");
    if (!where || !log || !realpath(where, folder))
        return;
    folder_length = strlen(folder);
    snprintf(kept, sizeof kept, "%.4000s.kept", log);
    log_file = (int)syscall(SYS_openat, AT_FDCWD, log, O_CREAT | O_WRONLY | O_APPEND | O_CLOEXEC, 0600);
}

/* Whether changes of this file count; SQLite's shared memory is none of the disk's. */
static int watched(const char *path)
{
    size_t length = strlen(path);
    if (log_file < 0 || strncmp(path, folder, folder_length) || path[folder_length] != '/')
        return 0;
    return length < 4 || strcmp(path + length - 4, "-shm");
}

static int path_of(int fd, char *path)
{
    char link[64];
    if (log_file < 0)
        return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, PATH_MAX - 1);
    if (length <= 0)
        return 0;
    path[length] = 0;
    /* What has no name any more is lost with or without an fsync. */
    if (length > 10 && !strcmp(path + length - 10, " (deleted)"))
        return 0;
    return watched(path);
}

static int path_at(int directory, const char *name, char *path)
{
    char base[PATH_MAX], joined[2 * PATH_MAX];
    if (log_file < 0)
        return 0;
    if (name[0] == '/') {
        snprintf(joined, sizeof joined, "%s", name);
    } else {
        char link[64];
        if (directory == AT_FDCWD)
            snprintf(link, sizeof link, "/proc/self/cwd");
        else
            snprintf(link, sizeof link, "/proc/self/fd/%d", directory);
        ssize_t length = readlink(link, base, sizeof base - 1);
        if (length <= 0)
            return 0;
        base[length] = 0;
        snprintf(joined, sizeof joined, "%s/%s", base, name);
    }
    /* The last part may not exist; what is above it does. */
    char *slash = strrchr(joined, '/');
    char last[NAME_MAX + 1];
    snprintf(last, sizeof last, "%s", slash + 1);
    *slash = 0;
    if (!realpath(slash == joined ? "/" : joined, base))
        return 0;
    if (strlen(base) + strlen(last) + 2 > PATH_MAX)
        return 0;
    memcpy(path, base, strlen(base) + 1);
    strcat(path, "/");
    strcat(path, last);
    return watched(path);
}

/* One record, in one write, so that a kill leaves it whole or away. Called with the turn. */
static void note(char kind, uint64_t a, uint64_t b, const char *path, const char *other, const void *bytes,
                 uint32_t count)
{
    uint32_t lengths[3] = {(uint32_t)strlen(path), (uint32_t)strlen(other), count};
    uint64_t numbers[3] = {++number, a, b};
    struct iovec parts[6] = {{&kind, 1},
                             {numbers, sizeof numbers},
                             {lengths, sizeof lengths},
                             {(void *)path, lengths[0]},
                             {(void *)other, lengths[1]},
                             {(void *)bytes, count}};
    if (syscall(SYS_writev, log_file, parts, 6) < 0)
        abort();
}

static uint64_t size_of(int fd)
{
    struct stat status;
    return fstat(fd, &status) ? 0 : (uint64_t)status.st_size;
}

/* What is about to be overwritten. Called with the turn. */
static void note_write(int fd, const char *path, uint64_t offset, uint64_t count)
{
    uint64_t size = size_of(fd);
    uint64_t old = offset >= size ? 0 : (size - offset < count ? size - offset : count);
    char *bytes = old ? malloc(old) : NULL;
    ssize_t got = 0;
    if (old) {
        /* The file may be open for writing only. */
        int reader = (int)syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
        got = reader < 0 ? -1 : (ssize_t)syscall(SYS_pread64, reader, bytes, old, offset);
        if (reader >= 0)
            syscall(SYS_close, reader);
    }
    if (got < 0 || (uint64_t)got != old)
        abort();
    note('W', offset, size, path, "", bytes, (uint32_t)old);
    free(bytes);
}

/* Where the next write of this descriptor goes. */
static uint64_t position(int fd)
{
    int flags = fcntl(fd, F_GETFL);
    if (flags & O_APPEND)
        return size_of(fd);
    off_t at = lseek(fd, 0, SEEK_CUR);
    return at < 0 ? 0 : (uint64_t)at;
}

static uint64_t total(const struct iovec *parts, int count)
{
    uint64_t sum = 0;
    for (int index = 0; index < count; index++)
        sum += parts[index].iov_len;
    return sum;
}

#define CHANGE(fd, offset, count, call)                                                                      \
    char path[PATH_MAX];                                                                                     \
    if (!path_of(fd, path))                                                                                  \
        return call;                                                                                         \
    pthread_mutex_lock(&turn);                                                                               \
    note_write(fd, path, offset, count);                                                                     \
    __typeof__(call) done = call;                                                                            \
    pthread_mutex_unlock(&turn);                                                                             \
    return done;

ssize_t write(int fd, const void *bytes, size_t count)
{
    CHANGE(fd, position(fd), count, REAL(write)(fd, bytes, count))
}
ssize_t writev(int fd, const struct iovec *parts, int count)
{
    CHANGE(fd, position(fd), total(parts, count), REAL(writev)(fd, parts, count))
}
ssize_t pwrite(int fd, const void *bytes, size_t count, off_t offset)
{
    CHANGE(fd, (uint64_t)offset, count, REAL(pwrite)(fd, bytes, count, offset))
}
ssize_t pwrite64(int fd, const void *bytes, size_t count, off64_t offset)
{
    CHANGE(fd, (uint64_t)offset, count, REAL(pwrite64)(fd, bytes, count, offset))
}
ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t offset)
{
    CHANGE(fd, (uint64_t)offset, total(parts, count), REAL(pwritev)(fd, parts, count, offset))
}
ssize_t pwritev64(int fd, const struct iovec *parts, int count, off64_t offset)
{
    CHANGE(fd, (uint64_t)offset, total(parts, count), REAL(pwritev64)(fd, parts, count, offset))
}
int fallocate(int fd, int mode, off_t offset, off_t count)
{
    CHANGE(fd, (uint64_t)offset, 0, REAL(fallocate)(fd, mode, offset, count))
}
int fallocate64(int fd, int mode, off64_t offset, off64_t count)
{
    CHANGE(fd, (uint64_t)offset, 0, REAL(fallocate64)(fd, mode, offset, count))
}
int posix_fallocate(int fd, off_t offset, off_t count)
{
    CHANGE(fd, (uint64_t)offset, 0, REAL(posix_fallocate)(fd, offset, count))
}

/* Refused, so that whoever copies takes the long way, which is seen here. */
ssize_t copy_file_range(int from, off64_t *from_at, int to, off64_t *to_at, size_t count, unsigned flags)
{
    char path[PATH_MAX];
    if (!path_of(to, path))
        return REAL(copy_file_range)(from, from_at, to, to_at, count, flags);
    errno = EXDEV;
    return -1;
}

static int cut(int fd, uint64_t length)
{
    char path[PATH_MAX];
    if (!path_of(fd, path))
        return REAL(ftruncate64)(fd, (off64_t)length);
    pthread_mutex_lock(&turn);
    uint64_t size = size_of(fd);
    /* The tail that goes away, as an overwritten range. */
    if (length < size)
        note_write(fd, path, length, size - length);
    else
        note('W', length, size, path, "", "", 0);
    int done = REAL(ftruncate64)(fd, (off64_t)length);
    pthread_mutex_unlock(&turn);
    return done;
}
int ftruncate(int fd, off_t length) { return cut(fd, (uint64_t)length); }
int ftruncate64(int fd, off64_t length) { return cut(fd, (uint64_t)length); }

static int synced(int fd, int (*real)(int))
{
    char path[PATH_MAX];
    struct stat status;
    int counts = path_of(fd, path) || (log_file >= 0 && !strcmp(path, folder));
    pthread_mutex_lock(&turn);
    uint64_t until = number;
    pthread_mutex_unlock(&turn);
    int done = real(fd);
    if (done == 0 && counts && !fstat(fd, &status)) {
        pthread_mutex_lock(&turn);
        note(S_ISDIR(status.st_mode) ? 'D' : 'S', until, 0, path, "", "", 0);
        pthread_mutex_unlock(&turn);
    }
    return done;
}
int fsync(int fd) { return synced(fd, REAL(fsync)); }
int fdatasync(int fd) { return synced(fd, REAL(fdatasync)); }

/* A file that is made, or emptied, by being opened. */
static int opened(int directory, const char *name, int flags, mode_t mode)
{
    char path[PATH_MAX];
    struct stat status;
    if (!(flags & (O_CREAT | O_TRUNC)) || !path_at(directory, name, path))
        return (int)syscall(SYS_openat, directory, name, flags, mode);
    pthread_mutex_lock(&turn);
    int there = !stat(path, &status);
    if (there && (flags & O_TRUNC) && status.st_size > 0) {
        int reader = (int)syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
        if (reader >= 0) {
            note_write(reader, path, 0, (uint64_t)status.st_size);
            syscall(SYS_close, reader);
        }
    }
    int fd = (int)syscall(SYS_openat, directory, name, flags, mode);
    if (fd >= 0 && !there)
        note('C', 0, 0, path, "", "", 0);
    pthread_mutex_unlock(&turn);
    return fd;
}
#define MODE                                                                                                 \
    mode_t mode = 0;                                                                                         \
    if (flags & (O_CREAT | O_TMPFILE)) {                                                                     \
        va_list rest;                                                                                        \
        va_start(rest, flags);                                                                               \
        mode = va_arg(rest, mode_t);                                                                         \
        va_end(rest);                                                                                        \
    }
int open(const char *name, int flags, ...) { MODE return opened(AT_FDCWD, name, flags, mode); }
int open64(const char *name, int flags, ...) { MODE return opened(AT_FDCWD, name, flags | O_LARGEFILE, mode); }
int openat(int at, const char *name, int flags, ...) { MODE return opened(at, name, flags, mode); }
int openat64(int at, const char *name, int flags, ...) { MODE return opened(at, name, flags | O_LARGEFILE, mode); }
int creat(const char *name, mode_t mode) { return opened(AT_FDCWD, name, O_CREAT | O_WRONLY | O_TRUNC, mode); }
static FILE *stream(const char *name, const char *how)
{
    int flags = how[0] == 'r' ? O_RDONLY : O_WRONLY | O_CREAT | (how[0] == 'w' ? O_TRUNC : O_APPEND);
    if (strchr(how, '+'))
        flags = (flags & ~(O_RDONLY | O_WRONLY)) | O_RDWR;
    if (strchr(how, 'e'))
        flags |= O_CLOEXEC;
    int fd = opened(AT_FDCWD, name, flags, 0666);
    return fd < 0 ? NULL : fdopen(fd, how);
}
FILE *fopen(const char *name, const char *how) { return stream(name, how); }
FILE *fopen64(const char *name, const char *how) { return stream(name, how); }

/* Keeps the content of a file that is about to lose its name; the path of what is kept, or "". */
static const char *keep(const char *path, char *where)
{
    struct stat status;
    where[0] = 0;
    if (stat(path, &status) || !S_ISREG(status.st_mode))
        return where;
    snprintf(where, PATH_MAX, "%.4000s.%d.%llu", kept, getpid(), (unsigned long long)++kept_number);
    if (link(path, where))
        abort();
    return where;
}

static int renamed(int from_at, const char *from, int to_at, const char *to, unsigned flags)
{
    char path[PATH_MAX], other[PATH_MAX], where[PATH_MAX];
    int counts = path_at(from_at, from, path) && path_at(to_at, to, other);
    if (!counts)
        return (int)syscall(SYS_renameat2, from_at, from, to_at, to, flags);
    pthread_mutex_lock(&turn);
    keep(other, where);
    int done = (int)syscall(SYS_renameat2, from_at, from, to_at, to, flags);
    if (done == 0)
        note('R', 0, 0, path, other, where, (uint32_t)strlen(where));
    pthread_mutex_unlock(&turn);
    return done;
}
int rename(const char *from, const char *to) { return renamed(AT_FDCWD, from, AT_FDCWD, to, 0); }
int renameat(int a, const char *from, int b, const char *to) { return renamed(a, from, b, to, 0); }
int renameat2(int a, const char *from, int b, const char *to, unsigned flags) { return renamed(a, from, b, to, flags); }

static int removed(int directory, const char *name, int flags)
{
    char path[PATH_MAX], where[PATH_MAX];
    if ((flags & AT_REMOVEDIR) || !path_at(directory, name, path))
        return (int)syscall(SYS_unlinkat, directory, name, flags);
    pthread_mutex_lock(&turn);
    keep(path, where);
    int done = (int)syscall(SYS_unlinkat, directory, name, flags);
    if (done == 0)
        note('U', 0, 0, path, where, "", 0);
    pthread_mutex_unlock(&turn);
    return done;
}
int unlink(const char *name) { return removed(AT_FDCWD, name, 0); }
int unlinkat(int directory, const char *name, int flags) { return removed(directory, name, flags); }
int remove(const char *name)
{
    struct stat status;
    return !stat(name, &status) && S_ISDIR(status.st_mode) ? rmdir(name) : unlink(name);
}
