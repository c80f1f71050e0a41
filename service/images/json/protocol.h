/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What is said of images as registries and archives of layers have them, wherever they come from: how much there may be of
 * each, what can be wrong, and what an image says of its containers. The protocols of bothy-fetch and bothy-bundle
 * speak of these.
 */

#include <stdint.h>

/* SHA-256 of no byte at all: nothing else is of size 0. */
#define FETCH_DIGEST_OF_NOTHING "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

#define FETCH_MAX_TEXT     (16u * 1024)
#define FETCH_MAX_IMAGE    (UINT64_C (100) * 1000 * 1000 * 1000 - 1)
#define FETCH_MAX_LAYERS   240u
#define FETCH_MAX_SETTINGS 1024u

enum fetch_error {
  FETCH_OK = 0,
  FETCH_FAILED = 1,       /* here */
  FETCH_UNREACHABLE = 2,  /* no network, no such host, no answer in time, an error of the server's */
  FETCH_NOT_FOUND = 3,    /* the catalogue has no such image */
  FETCH_MISSING = 4,      /* 404: what the catalogue names is not there (any more) */
  FETCH_REFUSED = 5,      /* the server does what no honest server does */
  FETCH_NOT_VERIFIED = 6, /* signature or digest */
  FETCH_UNSUPPORTED = 7,  /* the image needs what Bothy has not */
  FETCH_CLOSED = 8,       /* nobody reads the pipe any more */
  FETCH_DENIED = 9,       /* it is not for everybody */
  FETCH_LOGIN = 10,       /* the name and the password are not good there */
};

/* What the image says of its containers. Of a list each word comes alone, in order. */
enum fetch_setting {
  FETCH_SETTING_ENV = 1, /* NAME=VALUE, or NAME alone: without that variable */
  FETCH_SETTING_ENTRYPOINT = 2,
  FETCH_SETTING_CMD = 3,
  FETCH_SETTING_USER = 4,
  FETCH_SETTING_DIRECTORY = 5,
  FETCH_SETTING_STOP_SIGNAL = 6,
  FETCH_SETTING_VOLUME = 7,
  FETCH_SETTING_PORT = 8,           /* 80, 80/tcp, 8000-8010/udp */
  FETCH_SETTING_HEALTH_TEST = 9,    /* "NONE"; "CMD" and words; or "CMD-SHELL" and a command */
  FETCH_SETTING_HEALTH_NUMBER = 10, /* NAME=NUMBER as the configuration has it, times in nanoseconds */
  FETCH_SETTING_LABEL = 11,         /* NAME=VALUE */
  FETCH_SETTING_END,
};
