/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "describe.h"

#include <elf.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fd.h"
#include "tree.h"

#define MAX_OS_RELEASE (16u * 1024)

/* Reads the beginning of a regular file; anything else, a FIFO above all, is not even waited for. */
static size_t
read_file (int root, const char *path, void *data, size_t size)
{
  size_t used = 0;
  struct stat st;
  AUTO_FD fd = tree_open (root, path, O_RDONLY | O_NONBLOCK);

  if (fd < 0 || fstat (fd, &st) < 0 || !S_ISREG (st.st_mode))
    return 0;
  while (used < size) {
    ssize_t part = read (fd, (char *)data + used, size - used);

    if (part < 0 && errno == EINTR)
      continue;
    if (part <= 0)
      break;
    used += (size_t)part;
  }
  return used;
}

static const char *
little_endian_name (unsigned int machine, unsigned char class)
{
  switch (machine) {
  case EM_X86_64:
    return "x86_64";
  case EM_386:
    return "i686";
  case EM_AARCH64:
    return "aarch64";
  case EM_ARM:
    return "armv7l";
  case EM_PPC64:
    return "ppc64le";
  case EM_RISCV:
    return class == ELFCLASS64 ? "riscv64" : "unknown";
  default:
    return "unknown";
  }
}

const char *
describe_architecture (const void *header, size_t size)
{
  const unsigned char *ident = header;
  uint16_t machine;

  /* Up to e_machine the header is the same for 32 and 64 bits. */
  if (size < sizeof (Elf32_Ehdr) || memcmp (ident, ELFMAG, SELFMAG) != 0)
    return "unknown";
  memcpy (&machine, ident + offsetof (Elf32_Ehdr, e_machine), sizeof machine);
  if (ident[EI_DATA] == ELFDATA2LSB)
    return little_endian_name (le16toh (machine), ident[EI_CLASS]);
  if (ident[EI_DATA] == ELFDATA2MSB && be16toh (machine) == EM_S390 && ident[EI_CLASS] == ELFCLASS64)
    return "s390x";
  return "unknown";
}

/* Only of this machine's own kind: it is this machine's busybox that is asked about. */
bool
describe_is_static (const void *file, size_t size)
{
  const unsigned char *bytes = file;
  Elf64_Ehdr header;
  Elf64_Phdr program;

  if (size < sizeof header)
    return false;
  memcpy (&header, file, sizeof header);
  if (memcmp (header.e_ident, ELFMAG, SELFMAG) != 0 || header.e_ident[EI_CLASS] != ELFCLASS64 ||
      header.e_phentsize != sizeof program)
    return false;
  for (unsigned int i = 0; i < header.e_phnum; i++) {
    if (header.e_phoff > size || (i + 1) * sizeof program > size - header.e_phoff)
      return false;
    memcpy (&program, bytes + header.e_phoff + i * sizeof program, sizeof program);
    if (program.p_type == PT_INTERP)
      return false;
  }
  return header.e_phnum > 0;
}

bool
describe_is_root (int root)
{
  static const char *const directories[] = { "usr", "bin", "sbin", "etc" };
  struct stat st;

  for (size_t i = 0; i < sizeof directories / sizeof *directories; i++) {
    AUTO_FD fd = tree_open (root, directories[i], O_PATH);

    if (fd >= 0 && fstat (fd, &st) == 0 && S_ISDIR (st.st_mode))
      return true;
  }
  return false;
}

static bool
looks_like_bundle (int root)
{
  static const char *const files[] = { "index.json", "manifest.json" };
  struct stat st;

  for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
    AUTO_FD fd = tree_open (root, files[i], O_PATH);

    if (fd >= 0 && fstat (fd, &st) == 0 && S_ISREG (st.st_mode))
      return true;
  }
  return false;
}

static const char *
tree_architecture (int root)
{
  static const char *const programs[] = {
    "bin/sh", "sbin/init", "usr/lib/systemd/systemd", "lib/systemd/systemd", "bin/busybox",
  };

  for (size_t i = 0; i < sizeof programs / sizeof *programs; i++) {
    unsigned char header[sizeof (Elf64_Ehdr)];
    const char *name = describe_architecture (header, read_file (root, programs[i], header, sizeof header));

    if (strcmp (name, "unknown") != 0)
      return name;
  }
  return "unknown";
}

size_t
describe_tree (struct job *job, int root, char ret_text[DESCRIBE_MAX_TEXT])
{
  const char *architecture;
  size_t size;

  if (describe_is_root (root))
    job->flags |= UNPACK_IS_ROOT;
  else if (looks_like_bundle (root))
    job->flags |= UNPACK_IS_BUNDLE;
  else if (job->request.mode != UNPACK_LAYER) {
    job_fail (job, UNPACK_BAD_ARCHIVE, 0, "This is not a root file system: no usr, bin, sbin or etc in it");
    return 0;
  }
  size = read_file (root, "etc/os-release", ret_text, MAX_OS_RELEASE);
  if (size == 0)
    size = read_file (root, "usr/lib/os-release", ret_text, MAX_OS_RELEASE);
  size = strnlen (ret_text, size);
  ret_text[size++] = '\0';
  architecture = tree_architecture (root);
  memcpy (ret_text + size, architecture, strlen (architecture));
  return size + strlen (architecture);
}
