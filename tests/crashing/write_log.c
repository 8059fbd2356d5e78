/* Logs what a process writes below a folder, in order: WRITE_LOG names the log, WRITE_LOG_ROOT the folder.
 *
 * Preloaded. A record of the log: operation (1 byte), inode, offset or length (8 bytes each), lengths of two texts
 * (4 bytes each), the texts. Calls and their records are made under one lock, so that the order is that of the system.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
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
#include <sys/uio.h>
#include <unistd.h>

enum operation { CREATE = 1, WRITE, TRUNCATE, SYNC, RENAME, UNLINK, SYNC_FOLDER, MAKE_FOLDER };

#define MOST_FILES 4096

struct file {
    int kind; /* 0 none of ours, 1 file, 2 folder */
    uint64_t inode;
    char *path;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct file files[MOST_FILES];
static int log_descriptor = -1;
static const char *root;

#define REAL(name) ((__typeof__(&name)) real(#name))

static void *real(const char *name)
{
    return dlsym(RTLD_NEXT, name);
}

__attribute__((constructor)) static void begin(void)
{
    const char *path = getenv("WRITE_LOG");
    root = getenv("WRITE_LOG_ROOT");
    if (path && root)
        log_descriptor = (int) syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
}

static int ours(const char *path)
{
    size_t length = log_descriptor >= 0 ? strlen(root) : 0;
    return length && path && strncmp(path, root, length) == 0 && (path[length] == '/' || !path[length]);
}

static void put(enum operation operation, uint64_t inode, int64_t offset, const void *one, size_t n_one, const char *two)
{
    uint8_t head[25] = {(uint8_t) operation};
    uint32_t lengths[2] = {(uint32_t) n_one, two ? (uint32_t) strlen(two) : 0};
    memcpy(head + 1, &inode, 8);
    memcpy(head + 9, &offset, 8);
    memcpy(head + 17, lengths, 8);
    struct iovec parts[3] = {{head, sizeof head}, {(void *) one, n_one}, {(void *) two, lengths[1]}};
    if (syscall(SYS_writev, log_descriptor, parts, 3) != (long) (sizeof head + n_one + lengths[1]))
        abort(); /* a log with a hole would prove nothing */
}

static struct file *file_of(int descriptor)
{
    return descriptor >= 0 && descriptor < MOST_FILES && files[descriptor].kind ? &files[descriptor] : NULL;
}

static int opened(int descriptor, const char *path, int flags, int existed)
{
    struct stat status;
    if (descriptor < 0 || descriptor >= MOST_FILES || fstat(descriptor, &status))
        return descriptor;
    struct file *file = &files[descriptor];
    file->kind = S_ISDIR(status.st_mode) ? 2 : 1;
    file->inode = status.st_ino;
    free(file->path);
    file->path = strdup(path);
    if (file->kind == 1 && !existed)
        put(CREATE, file->inode, 0, path, strlen(path), NULL);
    else if (file->kind == 1 && (flags & O_TRUNC))
        put(TRUNCATE, file->inode, 0, NULL, 0, NULL);
    return descriptor;
}

static int open_logged(int folder, const char *path, int flags, mode_t mode)
{
    if (!ours(path))
        return (int) syscall(SYS_openat, folder, path, flags, mode);
    pthread_mutex_lock(&lock);
    int existed = access(path, F_OK) == 0;
    int descriptor = opened((int) syscall(SYS_openat, folder, path, flags, mode), path, flags, existed);
    pthread_mutex_unlock(&lock);
    return descriptor;
}

#define MODE(flags)                                                                                                    \
    mode_t mode = 0;                                                                                                   \
    if ((flags) & (O_CREAT | O_TMPFILE)) {                                                                             \
        va_list arguments;                                                                                             \
        va_start(arguments, flags);                                                                                    \
        mode = va_arg(arguments, mode_t);                                                                              \
        va_end(arguments);                                                                                             \
    }

int open(const char *path, int flags, ...)
{
    MODE(flags)
    return open_logged(AT_FDCWD, path, flags, mode);
}

int open64(const char *path, int flags, ...)
{
    MODE(flags)
    return open_logged(AT_FDCWD, path, flags, mode);
}

int openat(int folder, const char *path, int flags, ...)
{
    MODE(flags)
    return open_logged(folder, path, flags, mode);
}

int openat64(int folder, const char *path, int flags, ...)
{
    MODE(flags)
    return open_logged(folder, path, flags, mode);
}

int __open_2(const char *path, int flags)
{
    return open_logged(AT_FDCWD, path, flags, 0);
}

int __open64_2(const char *path, int flags)
{
    return open_logged(AT_FDCWD, path, flags, 0);
}

int close(int descriptor)
{
    pthread_mutex_lock(&lock);
    if (descriptor >= 0 && descriptor < MOST_FILES)
        files[descriptor].kind = 0;
    int code = REAL(close)(descriptor);
    pthread_mutex_unlock(&lock);
    return code;
}

static ssize_t written(int descriptor, const void *data, ssize_t count, int64_t offset)
{
    struct file *file = file_of(descriptor);
    if (file && count > 0)
        put(WRITE, file->inode, offset, data, (size_t) count, NULL);
    return count;
}

ssize_t write(int descriptor, const void *data, size_t count)
{
    if (!file_of(descriptor))
        return REAL(write)(descriptor, data, count);
    pthread_mutex_lock(&lock);
    ssize_t done = REAL(write)(descriptor, data, count);
    written(descriptor, data, done, lseek(descriptor, 0, SEEK_CUR) - (done > 0 ? done : 0));
    pthread_mutex_unlock(&lock);
    return done;
}

ssize_t pwrite(int descriptor, const void *data, size_t count, off_t offset)
{
    pthread_mutex_lock(&lock);
    ssize_t done = written(descriptor, data, REAL(pwrite)(descriptor, data, count, offset), offset);
    pthread_mutex_unlock(&lock);
    return done;
}

ssize_t pwrite64(int descriptor, const void *data, size_t count, off64_t offset)
{
    return pwrite(descriptor, data, count, offset);
}

int ftruncate(int descriptor, off_t length)
{
    pthread_mutex_lock(&lock);
    int code = REAL(ftruncate)(descriptor, length);
    if (code == 0 && file_of(descriptor))
        put(TRUNCATE, file_of(descriptor)->inode, length, NULL, 0, NULL);
    pthread_mutex_unlock(&lock);
    return code;
}

int ftruncate64(int descriptor, off64_t length)
{
    return ftruncate(descriptor, length);
}

static int synced(int descriptor, int code)
{
    struct file *file = file_of(descriptor);
    if (code == 0 && file && file->kind == 1)
        put(SYNC, file->inode, 0, NULL, 0, NULL);
    else if (code == 0 && file)
        put(SYNC_FOLDER, file->inode, 0, file->path, strlen(file->path), NULL);
    pthread_mutex_unlock(&lock);
    return code;
}

int fsync(int descriptor)
{
    pthread_mutex_lock(&lock);
    return synced(descriptor, REAL(fsync)(descriptor));
}

int fdatasync(int descriptor)
{
    pthread_mutex_lock(&lock);
    return synced(descriptor, REAL(fdatasync)(descriptor));
}

int rename(const char *from, const char *to)
{
    pthread_mutex_lock(&lock);
    int code = REAL(rename)(from, to);
    if (code == 0 && ours(from))
        put(RENAME, 0, 0, from, strlen(from), to);
    pthread_mutex_unlock(&lock);
    return code;
}

int unlink(const char *path)
{
    pthread_mutex_lock(&lock);
    int code = REAL(unlink)(path);
    if (code == 0 && ours(path))
        put(UNLINK, 0, 0, path, strlen(path), NULL);
    pthread_mutex_unlock(&lock);
    return code;
}

int mkdir(const char *path, mode_t mode)
{
    pthread_mutex_lock(&lock);
    int code = REAL(mkdir)(path, mode);
    if (code == 0 && ours(path))
        put(MAKE_FOLDER, 0, 0, path, strlen(path), NULL);
    pthread_mutex_unlock(&lock);
    return code;
}
