/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/*
 * What NetworkManager's dnsmasq answers whoever asks all the same, for the nic ID: data/networkmanager
 * has where it looks. See dnsmasq(8), dhcp-hostsdir.
 */
void bothy_dhcp_reserve (const char *id, const guint8 mac[6], const guint8 address4[4]);

/* Takes the reservation ID back; it is no error if there is none. */
void bothy_dhcp_forget (const char *id);

/* Forget all whose id begins with PREFIX but those of KEPT (NULL-terminated). */
void bothy_dhcp_tidy (const char *prefix, const char *const *kept);

G_END_DECLS
