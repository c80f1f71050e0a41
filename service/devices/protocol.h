/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What bothy-devices tells the broker, over a SOCK_SEQPACKET socket: one message for each device that has a node, when it is
 * connected, then READY, and from then on whatever changes. It is asked nothing, and it ends with the connection.
 * After the fixed part come TEXT_SIZE bytes of strings, each ended by a NUL: DEVICES_N_WORDS, then properties KEY=VALUE.
 * Part of them was written by devices, which say what they like.
 */

#include <stdint.h>

#define DEVICES_PROTOCOL_VERSION 1u
#define DEVICES_MAX_TEXT         16384u
#define DEVICES_MAX_PROPERTIES   96

enum devices_type {
  DEVICES_PRESENT = 1, /* it is there, or something of it changed */
  DEVICES_GONE = 2,    /* no text: its number says which */
  DEVICES_READY = 3,   /* all that were there have been told; no text */
};

enum devices_word {
  DEVICES_NAME,      /* of its node, below /dev */
  DEVICES_SUBSYSTEM, /* as sysfs has it */
  DEVICES_PATH,      /* in sysfs, with /devices in front: where it is plugged in */
  DEVICES_NUMBER,    /* the kernel's, the N of ttyUSBN, or "" */
  DEVICES_VENDOR,    /* of USB: four hexadecimal digits, or "" */
  DEVICES_PRODUCT,
  DEVICES_SERIAL,
  DEVICES_PORT,        /* of USB: as DEVICES_PATH, of the whole device; or "" */
  DEVICES_VENDOR_NAME, /* for people */
  DEVICES_MODEL_NAME,
  DEVICES_N_WORDS,
};

struct devices_message {
  uint32_t version;
  uint32_t type;
  uint32_t major;
  uint32_t minor;
  uint32_t is_block; /* 1: a disk, or part of one */
  uint32_t text_size;
};
