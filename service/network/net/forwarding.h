/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Sees to it that the host routes IPv6, if it has a way out; of IPv4 NetworkManager takes care. Not where
 * the host itself would lose that way: doctor tells about that.
 */
void forwarding_ensure (void);
