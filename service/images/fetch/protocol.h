/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What the broker and bothy-fetch say to each other over a SOCK_SEQPACKET socket, with one
 * bothy-fetch for each connection: the broker sends one request, bothy-fetch any number of
 * records and progress messages and one result, then exits. Closing the socket cancels.
 *
 * After the fixed part of a request come FETCH_N_WORDS strings, each with a NUL at its end; after
 * that of a record come FETCH_N_FIELDS. The text of a result says what went wrong.
 *
 * Errors and settings are numbers of images/json/protocol.h.
 *
 * With a request may come one fd for each bit of fds, in their order.
 */

#include <stdint.h>

#define FETCH_PROTOCOL_VERSION 1u
#define FETCH_MAX_RECORDS      4096u
#define FETCH_MAX_REDIRECTS    5u
#define FETCH_MAX_TOKEN        (8u * 1024)
#define FETCH_MAX_CACHE        (64u * 1024 * 1024)
#define FETCH_MAX_LOGIN        (8u * 1024)

enum fetch_op {
  FETCH_RESOLVE = 1,  /* NAME → one record; of a registry: one manifest, its layers and settings */
  FETCH_SEARCH = 2,   /* NAME: a pattern, "" for all → records */
  FETCH_DOWNLOAD = 3, /* URL → the pipe */
};

enum fetch_catalogue {
  FETCH_SIMPLESTREAMS = 1,
  FETCH_LXC = 2,
  FETCH_OCI = 3, /* a registry: its names are REPOSITORY:TAG or REPOSITORY@sha256:DIGEST */
};

/* What makes the broker believe a remote. The digest of an image is checked under each of them. */
enum fetch_policy {
  FETCH_POLICY_SIGNATURE = 1, /* the catalogue is signed; it and images may come from any host */
  FETCH_POLICY_CHECKSUM = 2,  /* the catalogue comes from its own host, images may come from others */
  FETCH_POLICY_TLS = 3,       /* all of it comes from that one host, over https */
};

enum fetch_fd {
  FETCH_FD_MAIN,   /* FETCH_DOWNLOAD: the pipe that the bytes go into; else the keyring */
  FETCH_FD_CACHED, /* what was written into the following one the last time, to be read */
  FETCH_FD_NEW,    /* an empty file, to be written: what the catalogue says; nobody else ever reads it */
  FETCH_FD_LOGIN,  /* NAME:PASSWORD of who asks, for the remote and for nobody else, to be read */
  FETCH_N_FDS,
};

enum fetch_word {
  FETCH_WORD_REMOTE, /* the remote's URL */
  FETCH_WORD_NAME,   /* of an image, also of the one that a download from a registry is of; or the pattern */
  FETCH_WORD_ARCHITECTURE, /* as uname -m says it; "" in a search for all */
  FETCH_WORD_PROXY,        /* its URL; "" for that of the environment */
  FETCH_WORD_URL,          /* of the download */
  FETCH_WORD_SHA256,       /* of the download */
  FETCH_WORD_TOKEN,        /* that the registry gave for NAME before, or "" */
  FETCH_N_WORDS,
};

struct fetch_request {
  uint32_t version;
  uint32_t op;
  uint32_t catalogue;
  uint32_t policy;
  uint32_t timeout; /* seconds without progress, to connect and then */
  uint32_t text_size;
  uint32_t fds;    /* which come with it: 1 << FETCH_FD_…, or-ed */
  uint32_t is_new; /* boolean: something was older than what lies on the server; nothing cached is taken */
  uint64_t size;   /* of the download; 0: the catalogue does not say */
};

enum fetch_message_type {
  FETCH_PROGRESS = 1, /* bytes, of total (0: not known) */
  FETCH_RECORD = 2,   /* total is the size of the archive (0: not known) */
  FETCH_RESULT = 3,   /* total: 1 if FETCH_FD_NEW is whole; bytes: how old in seconds is what could not be
                         asked for now, for which the text then has the reason */
  FETCH_MANIFEST = 4, /* total is the size of all layers as they come */
  FETCH_LAYER = 5,    /* total is its size as it comes; the lowest one is first */
  FETCH_SETTING = 6,  /* error says which, the text is its value; some come more than once, in order */
};

/* Of an image, as the catalogue says. The broker checks each against a grammar of its own. */
enum fetch_field {
  FETCH_FIELD_ALIASES, /* comma-separated */
  FETCH_FIELD_PRODUCT,
  FETCH_FIELD_VERSION,
  FETCH_FIELD_OS,
  FETCH_FIELD_RELEASE,
  FETCH_FIELD_VARIANT,
  FETCH_FIELD_SUPPORT_END,  /* YYYY-MM-DD, or "" */
  FETCH_FIELD_ARCHITECTURE, /* as uname -m says it */
  FETCH_FIELD_FINGERPRINT,  /* that other programs know it by: of metadata and root together; or "" */
  FETCH_FIELD_SHA256,       /* of the archive; "" in records of a search that does not know it */
  FETCH_FIELD_URL,
  FETCH_FIELD_KEY, /* fingerprint of the key that signed, or "" */
  FETCH_N_FIELDS,
};

/* Of an image in a registry. */
enum fetch_manifest_field {
  FETCH_MANIFEST_DIGEST,       /* SHA-256 of the manifest, not of the index that names it */
  FETCH_MANIFEST_CONFIG,       /* SHA-256 of its configuration, which names the layers as they are unpacked */
  FETCH_MANIFEST_ARCHITECTURE, /* as uname -m says it */
  FETCH_MANIFEST_TOKEN,        /* to get the layers with, or "" */
  FETCH_N_MANIFEST_FIELDS,
};

enum fetch_layer_field {
  FETCH_LAYER_SHA256,  /* as it comes */
  FETCH_LAYER_DIFF_ID, /* SHA-256 of what is unpacked from it */
  FETCH_LAYER_URL,
  FETCH_N_LAYER_FIELDS,
};

struct fetch_message {
  uint32_t version;
  uint32_t type;
  uint32_t error;
  uint32_t text_size;
  uint64_t bytes;
  uint64_t total;
};
