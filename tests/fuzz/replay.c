/* SPDX-License-Identifier: MIT */
/* replay - runs a target over inputs that are files, where there is no libFuzzer: any compiler, any
 * sanitizer.
 *
 *      fuzz_NOUN DIRECTORY|FILE...
 *
 * Tells each file before it is run, and how many there were in the end. No file is a failure. */
#include <dirent.h>
#include <err.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "fuzz.h"

#define INPUT_MAX (1L << 20)

static unsigned replay_file(const char *path) {
        _cleanup_free_ char *whole = malloc(INPUT_MAX), *data = NULL;
        FILE *file = fopen(path, "re");
        size_t size;

        if (!file || !whole)
                err(1, "%s", path);
        size = fread(whole, 1, INPUT_MAX, file);
        if (ferror(file) || size == INPUT_MAX)
                errx(1, "%s: cannot be read, or is too large", path);
        fclose(file);
        printf("%s\n", path);
        fflush(stdout);
        data = copy_of((struct slice){whole, size}, size);
        (void)LLVMFuzzerTestOneInput((const uint8_t *)data, size);
        return 1;
}

static int is_visible(const struct dirent *entry) {
        return entry->d_name[0] != '.';
}

static unsigned replay_directory(const char *path) {
        struct dirent **entries;
        int n = scandir(path, &entries, is_visible, alphasort);

        if (n < 0)
                err(1, "%s", path);
        for (int i = 0; i < n; i++) {
                char *file;

                if (asprintf(&file, "%s/%s", path, entries[i]->d_name) < 0)
                        err(1, "%s", path);
                replay_file(file);
                free(file);
                free(entries[i]);
        }
        free(entries);
        return (unsigned)n;
}

static unsigned replay(const char *path) {
        struct stat status;

        if (stat(path, &status) < 0)
                err(1, "%s", path);
        return S_ISDIR(status.st_mode) ? replay_directory(path) : replay_file(path);
}

int main(int argc, char **argv) {
        unsigned n = 0;

        for (int i = 1; i < argc; i++)
                n += replay(argv[i]);
        if (n == 0)
                errx(1, "no inputs: name a directory with some");
        printf("%u inputs\n", n);
        return 0;
}
