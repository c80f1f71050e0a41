/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Fuzzes what reads bytes that we did not write, in bothy-unpack and bothy-helper. The
 * first byte of an input says which; the rest is for it. Archives are really unpacked,
 * into a scratch directory below $TMPDIR that is emptied again.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "describe.h"
#include "job.h"
#include "remove.h"
#include "request.h"
#include "tarball.h"
#include "unified.h"

enum fuzz_mode {
  FUZZ_ARCHIVE,
  FUZZ_ELF,
  FUZZ_ESCAPE,
  FUZZ_HELPER_REQUEST,
  FUZZ_METADATA,
  N_FUZZ_MODES,
};

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

static int
scratch (void)
{
  static int fd = -1;
  char path[256];

  if (fd >= 0)
    return fd;
  snprintf (path, sizeof path, "%s/bothy-fuzz-XXXXXX",
            getenv ("TMPDIR") != NULL ? getenv ("TMPDIR") : "/tmp");
  if (mkdtemp (path) == NULL || (fd = open (path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0)
    abort ();
  return fd;
}

static void
fuzz_archive (const uint8_t *data, size_t size)
{
  static char text[DESCRIBE_MAX_TEXT];
  struct job job = JOB_INIT;
  struct job removal = JOB_INIT;
  struct metadata metadata;
  int source = memfd_create ("archive", MFD_CLOEXEC);

  job.request = (struct unpack_request){ .max_bytes = 1 << 20, .max_inodes = 1000, .max_seconds = 10 };
  if (source < 0 || write (source, data, size) != (ssize_t)size || lseek (source, 0, SEEK_SET) != 0)
    abort ();
  if (tarball_unpack (&job, source, scratch (), NULL) && unified_promote (&job, scratch (), &metadata))
    describe_tree (&job, scratch (), text);
  close (source);
  if (!remove_below (&removal, scratch ()))
    abort ();
}

/* Whatever it says, each value fits into its line. */
static void
fuzz_metadata (const uint8_t *data, size_t size)
{
  char text[METADATA_MAX_TEXT];
  struct metadata metadata;
  struct job job = JOB_INIT;
  size_t length;

  if (!metadata_parse (&job, (const char *)data, size, &metadata))
    return;
  length = metadata_write (&metadata, text);
  if (length >= sizeof text || memchr (text, '\0', length) != NULL)
    abort ();
}

static void
fuzz_escape (const uint8_t *data, size_t size)
{
  char *name = strndup ((const char *)data, size);

  for (const char *c = job_escape (name); *c != '\0'; c++)
    if (*c < 0x20 || *c > 0x7e)
      abort ();
  free (name);
}

static void
fuzz_helper_request (const uint8_t *data, size_t size)
{
  static struct packet packet;

  packet = (struct packet){ .size = size, .n_fds = size > 0 ? data[0] % HELPER_MAX_FDS : 0 };
  memcpy (&packet.request, data, size < sizeof packet.request ? size : sizeof packet.request);
  if (request_check (&packet) == 0 && packet.request.op == HELPER_MOUNT)
    for (uint32_t i = 0; i < packet.request.n_layers; i++)
      if (strchr (packet.request.layers[i].id, '/') != NULL ||
          strstr (packet.request.layers[i].id, "..") != NULL)
        abort ();
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  if (size == 0)
    return 0;
  switch ((enum fuzz_mode) (data[0] % N_FUZZ_MODES)) {
  case FUZZ_ARCHIVE:
    fuzz_archive (data + 1, size - 1);
    break;
  case FUZZ_ELF:
    (void)describe_is_static (data + 1, size - 1);
    (void)describe_architecture (data + 1, size - 1);
    break;
  case FUZZ_ESCAPE:
    fuzz_escape (data + 1, size - 1);
    break;
  case FUZZ_HELPER_REQUEST:
    fuzz_helper_request (data + 1, size - 1);
    break;
  case FUZZ_METADATA:
    fuzz_metadata (data + 1, size - 1);
    break;
  case N_FUZZ_MODES:
    break;
  }
  return 0;
}
