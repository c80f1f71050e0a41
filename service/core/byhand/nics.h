/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/bridges/admission.h"
#include "network/network.h"
#include "network/nic.h"
#include "platform/helper-client.h"

G_BEGIN_DECLS

/*
 * The nics in network namespaces that users made themselves: which of them there are, and that none is left
 * half made. They are told apart by their ids, bothy_nic_id().
 *
 * Signals: "settled" (): one is gone, or it is known anew which there are; "surveyed" (): what an earlier bothyd left is
 * known, and what it left half made is taken away.
 */
#define BOTHY_TYPE_BYHAND_NICS (bothy_byhand_nics_get_type ())
G_DECLARE_FINAL_TYPE (BothyByhandNics, bothy_byhand_nics, BOTHY, BYHAND_NICS, GObject)

/* ATTACHING_FD is the directory in which it is written down which are being made; it stays the caller's, as ADMISSION
   does. (transfer full) */
BothyByhandNics *bothy_byhand_nics_new (BothyNetwork *network,
                                        BothyAdmission *admission,
                                        BothyHelperClient *helper,
                                        int attaching_fd);

/* What makes nics. (transfer none) */
BothyNetwork *bothy_byhand_nics_get_network (BothyByhandNics *self);

/* What says who may have one. (transfer none) */
BothyAdmission *bothy_byhand_nics_get_admission (BothyByhandNics *self);

/* What sets them up inside. (transfer none) */
BothyHelperClient *bothy_byhand_nics_get_helper (BothyByhandNics *self);

/* How many there are. */
guint bothy_byhand_nics_count (BothyByhandNics *self);

/* Write down that PLACE is about to be made by hand, so that the next broker takes away what this one does
   not finish. FALSE and an error when it can not be written down; then it must not be made. */
gboolean bothy_byhand_nics_begin (BothyByhandNics *self, const BothyNic *place, GError **error);

/* PLACE is a nic in the kernel now, and keeps the network. What bothy_byhand_nics_begin() wrote down stays. */
void bothy_byhand_nics_add (BothyByhandNics *self, const BothyNic *place);

/* PLACE, which bothy_byhand_nics_begin() wrote down, is made completely. */
void bothy_byhand_nics_complete (BothyByhandNics *self, const BothyNic *place);

/* PLACE is gone, or was never made. The network may go with the last one. */
void bothy_byhand_nics_forget (BothyByhandNics *self, const BothyNic *place);

/* Why the nics that the kernel has are compared with those that are known. */
typedef enum {
  BOTHY_BYHAND_STARTED,   /* the broker has started: set up each one, and take away what is half made */
  BOTHY_BYHAND_BRIDGE_UP, /* a bridge came up, maybe without its ports: set up each one that is on it */
  BOTHY_BYHAND_LOST,      /* bothy-net ended and knows nothing any more: set up each one */
  BOTHY_BYHAND_GONE,      /* some may have gone with their namespaces: forget those */
} BothyByhandSurvey;

/* Compare the nics that are known with those that the kernel has, because of KIND, and do what it says.
   BRIDGE is the one that came up with BOTHY_BYHAND_BRIDGE_UP, else NULL. What fails is only logged. */
void bothy_byhand_nics_survey (BothyByhandNics *self, BothyByhandSurvey kind, const char *bridge);

G_END_DECLS
