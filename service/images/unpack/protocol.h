/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What the broker and bothy-unpack say to each other over fd 3 of bothy-unpack, a
 * SOCK_SEQPACKET socket: the broker sends one request, bothy-unpack any number of
 * progress messages and one result, then exits. Closing the socket cancels.
 * After the fixed part of the result come TEXT_SIZE bytes of text.
 *
 * bothy-unpack is uid 0 of a user namespace over the neutral range, or for copies over a container's, without network.
 */

#include <stdint.h>

#define UNPACK_PROTOCOL_VERSION 7u
#define UNPACK_MAX_TEXT         (128u * 1024)
#define UNPACK_MAX_LAYERS       128u
#define UNPACK_CONNECTION_FD    3
#define UNPACK_TREE_FD                                                                                       \
  4 /* the directory, owned by uid 0 inside, to fill or to empty; of HASH and DECOMPRESS the pipe */
/* The archive, or the busybox binary. It may come beside the request: what a user opened never gets to bothy-helper,
   where closing it could wait for him. */
#define UNPACK_SOURCE_FD 5
#define UNPACK_PREFIX_FD 6 /* beside the request, after SOURCE: a file */
#define UNPACK_LAYERS_FD                                                                                     \
  6 /* of PACK, DIFF and IS_OVER: beside the request, after SOURCE: directories, the highest layer first */
#define UNPACK_MAX_SOURCES  65u
#define UNPACK_MAX_METADATA 32768u
#define UNPACK_MAX_PATH     4096u

enum unpack_mode {
  UNPACK_ARCHIVE = 1, /* unpack SOURCE, a root file system or a bundle, into TREE */
  UNPACK_BUSYBOX = 2, /* make a root file system of one static busybox in TREE */
  /* Remove everything below TREE, and nothing on another file system. With max_inodes, stop when so many files were
     met, and say UNPACK_HAS_MORE. */
  UNPACK_REMOVE = 3,
  UNPACK_LAYER = 4, /* as ARCHIVE, what an image has above others: of any shape, and not compressed */
  /* Copy SOURCE, of max_bytes if that is not 0, into the pipe and say its SHA-256. What unpacks could be taken over
     by what it unpacks; this one looks at nothing. */
  UNPACK_HASH = 5,
  /* Of bothy-bundle: say what is in the bundle that was unpacked into TREE. With the result come fds of the layers'
     archives, the lowest first. Its text is strings, each with a NUL at its end: the architecture; of each layer its
     SHA-256, or "", and that of the tar in it; then settings: a byte that is an enum fetch_setting, and the value. */
  UNPACK_BUNDLE = 6,
  UNPACK_DECOMPRESS = 7, /* copy what is compressed in SOURCE, or SOURCE itself, into the pipe */
  UNPACK_METADATA =
      8, /* say what metadata.yaml in the archive SOURCE, a file, says; the result's text is as of a tree */
  /* Of bothy-pack: write what LAYERS show together into SOURCE, which a user opened, as a tar archive: METADATA as
     metadata.yaml, and the tree in rootfs/; or as the flags AS_TREE and AS_OCI say. */
  UNPACK_PACK = 9,
  /* Say by NEEDS_BELOW whether TREE, a layer that is one of MAY_NEED_BELOW, is something else over the directories from
     SOURCE on, the highest layer first, than it was apart. */
  UNPACK_CHECK = 10,
  /* Of bothy-pack: write the file or directory PATH of TREE, the root of a container that runs, with what is below it on
     the same file system, into SOURCE, which a user opened, as a tar archive: its first name is that of PATH. */
  UNPACK_COPY_FROM = 11,
  /* Unpack SOURCE into the directory PATH of TREE, the same; or, where there is none, into the one above it, the first
     part of all names being that of PATH. */
  UNPACK_COPY_TO = 12,
  UNPACK_DUPLICATE = 13, /* copy upper/ of SOURCE, what a container wrote, into TREE */
  /* Say what the file SOURCE, a container's configuration for another tool, says; see configuration.h. The result's text is
     as of a tree, without os-release and architecture, and with these lines in the place of metadata.yaml's. */
  UNPACK_CONFIGURATION = 14,
  /* Say what is in the tree SOURCE, which another tool made, as its mount shows it to root inside; see survey.h. The
     result's text is as of a tree, with its lines in the place of metadata.yaml's. After SOURCE comes the same tree,
     mounted so that each id is one higher inside: what is of 65534 in both has none, and is somebody else's. */
  UNPACK_SURVEY = 15,
  /* Of bothy-pack: write into SOURCE, which a user opened, what changed from some of LAYERS to others; see pack/diff.h. */
  UNPACK_DIFF = 18,
};

enum unpack_flag {
  /* Of a request: */
  UNPACK_IS_EXACT = 1 << 12,     /* PACK: times are whole, and not only in seconds */
  UNPACK_HAS_SECTIONS = 1 << 13, /* CONFIGURATION: it is of systemd's form; else of LXC's */
  UNPACK_HAS_PREFIX = 1 << 4,    /* HASH: also say the SHA-256 of PREFIX and SOURCE together */
  UNPACK_IS_CHECKED = 1 << 5,    /* ARCHIVE: its digest is known, and is compared by who asks */
  UNPACK_IS_OVER =
      1 << 7, /* LAYER: TREE is a detached mount, and so are those of the layers below, LAYERS; the
                                 archive is unpacked over what these show together, as tar does it */
  UNPACK_AS_TREE = 1 << 10, /* PACK: the tree alone, from . on */
  /* PACK: an OCI image layout whose image has one layer. METADATA is the beginning of its configuration, a JSON object
     without the brace at its end. */
  UNPACK_AS_OCI = 1 << 11,
  /* Of a result: */
  UNPACK_IS_UNIFIED = 1 << 0,     /* what was in rootfs/ is the root now, the rest is gone */
  UNPACK_IS_ROOT = 1 << 1,        /* it looks like a root file system */
  UNPACK_HIDES_BELOW = 1 << 2,    /* nothing of layers below is to be seen */
  UNPACK_IS_BUNDLE = 1 << 3,      /* it is an OCI image layout, or what docker save writes */
  UNPACK_HAS_MORE = 1 << 6,       /* of REMOVE: something is left */
  UNPACK_NEEDS_BELOW = 1 << 8,    /* it has links to files that it did not bring, and that are missing */
  UNPACK_MAY_NEED_BELOW = 1 << 9, /* directories of it had no entry; what lies below says what they are */
};

struct unpack_request {
  uint32_t version;
  uint32_t mode;
  uint32_t flags;
  uint32_t compression; /* of PACK: enum unpack_compression */
  uint64_t max_bytes;   /* unpacked */
  uint64_t max_inodes;
  uint64_t max_seconds;
  char metadata[UNPACK_MAX_METADATA]; /* of PACK; NUL-terminated */
  char path[UNPACK_MAX_PATH];         /* of COPY_FROM and COPY_TO, as seen from inside; NUL-terminated */
  uint32_t n_later;   /* of DIFF: how many of LAYERS only the later state has; they come first */
  uint32_t n_earlier; /* how many only the earlier one has, which come next; both stand on the others */
};

enum unpack_compression {
  UNPACK_PLAIN = 0,
  UNPACK_GZIP = 1,
  UNPACK_XZ = 2,
  UNPACK_ZSTD = 3,
};

enum unpack_message_type {
  UNPACK_PROGRESS = 1, /* bytes_in, bytes_out */
  UNPACK_RESULT = 2,
};

enum unpack_error {
  UNPACK_OK = 0,
  UNPACK_BAD_ARCHIVE = 1,    /* text says what and which entry */
  UNPACK_LIMIT_EXCEEDED = 2, /* text says which limit */
  UNPACK_NO_SPACE = 3,
  UNPACK_IO = 4,         /* reading the source or writing the tree */
  UNPACK_NOT_STATIC = 5, /* busybox needs shared libraries */
  UNPACK_CLOSED = 6,     /* nobody reads the pipe */
};

struct unpack_message {
  uint32_t version;
  uint32_t type;
  uint32_t error;
  int32_t error_number; /* errno or 0 */
  uint64_t bytes_in;    /* of SOURCE, as read */
  uint64_t bytes_out;   /* written, all files */
  uint64_t inodes;
  uint64_t skipped_devices;
  uint8_t sha256[32]; /* of HASH: of every byte of SOURCE, to its end; of BUSYBOX: of what it is made from */
  uint8_t sha256_whole[32]; /* of HASH with HAS_PREFIX */
  uint32_t flags;
  uint32_t n_layers;  /* of BUNDLE */
  uint32_t text_size; /* on success: the tree's os-release(5), at most 16 KiB, then NUL,
                           then the architecture of its /bin/sh or init as uname -m says it, then NUL, then what
                           metadata.yaml of an image of Incus or LXD said, as lines KEY=VALUE: see metadata.c, with
                           VALUE "" for what it did not say; on failure: what happened */
};
