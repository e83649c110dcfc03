#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
#
# guest_frames.py - plays guests of network tap without booting any: opens their
# devices as a VMM does and sends the Ethernet frames that it is told to, right
# ones and forged ones. For tests/e2e/network_frames.sh.
#
# Lines on stdin, one answer to each on stdout:
#
#	open NAME DEVICE MAC IP      plays this guest from now on
#	udp NAME DST PORT TOKEN [FIELD=VALUE...]
#	                             one datagram; FIELD mac, from, sport and vlan forge, wait is for so many seconds at most.
#	                             Answered with what came back: "udp PAYLOAD", "icmp TYPE/CODE" or "nothing"
#	udp6 NAME TOKEN              the same to ff02::1
#	arp NAME ADDRESS [SECONDS]   who has it: "MAC" or "nothing"
#	heard NAME [SECONDS]         what came without being asked for since: a payload, or "nothing"
import fcntl
import os
import select
import socket
import struct
import sys
import time

TUNSETIFF, TUNSETOFFLOAD, SIOCGIFHWADDR = 0x400454CA, 0x400454D0, 0x8927
IFF_TAP, IFF_NO_PI, IFF_VNET_HDR = 2, 0x1000, 0x4000
HEADER = bytes(10)  # of virtio-net: nothing special
WAIT_S = 0.25


def mac_bytes(text):
    return bytes(int(x, 16) for x in text.split(":"))


def checksum(data):
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


class Guest:
    def __init__(self, device, mac, address):
        self.fd = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
        fcntl.ioctl(self.fd, TUNSETIFF, struct.pack("16sH22x", device.encode(), IFF_TAP | IFF_NO_PI | IFF_VNET_HDR))
        fcntl.ioctl(self.fd, TUNSETOFFLOAD, 0)
        self.mac, self.address = mac_bytes(mac), address
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:  # /sys is another network namespace's
            self.gateway_mac = fcntl.ioctl(s, SIOCGIFHWADDR, struct.pack("40s", device.encode()))[18:24]
        self.unasked = []

    def send(self, kind, payload, mac=None, to=None, vlan=None):
        tag = struct.pack("!HH", 0x8100, int(vlan)) if vlan else b""
        frame = (to or self.gateway_mac) + (mac_bytes(mac) if mac else self.mac) + tag + struct.pack("!H", kind) + payload
        os.write(self.fd, HEADER + frame)

    def frames(self, seconds):
        until = time.monotonic() + seconds
        while True:
            left = until - time.monotonic()
            if left <= 0 or not select.select([self.fd], [], [], left)[0]:
                return
            frame = os.read(self.fd, 65536)[10:]
            yield struct.unpack("!H", frame[12:14])[0], frame[14:]

    def packets(self, seconds):
        """(protocol, source, payload) of the IPv4 packets to us."""
        for kind, data in self.frames(seconds):
            if kind == 0x0800 and data[16:20] == socket.inet_aton(self.address):
                yield data[9], socket.inet_ntoa(data[12:16]), data[(data[0] & 15) * 4:]

    def udp(self, dst, port, token, **forge):
        source = socket.inet_aton(forge.pop("from", self.address))
        sport = int(forge.pop("sport", 40000))
        wait = float(forge.pop("wait", WAIT_S))
        body = token.encode()
        udp = struct.pack("!HHHH", sport, int(port), 8 + len(body), 0) + body
        ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 1, 0, 64, 17, 0, source, socket.inet_aton(dst))
        self.send(0x0800, ip[:10] + struct.pack("!H", checksum(ip)) + ip[12:] + udp, **forge)
        for protocol, whose, data in self.packets(wait):
            if protocol == 17 and whose == dst and struct.unpack("!HH", data[:4]) == (int(port), sport):
                return "udp " + data[8:].decode()
            if protocol == 17:
                self.unasked.append(data[8:].decode())
            if protocol == 1:
                return "icmp %d/%d" % (data[0], data[1])
        return "nothing"

    def udp6(self, token):
        body = token.encode()
        source = b"\xfe\x80" + bytes(6) + self.mac[:3] + b"\xff\xfe" + self.mac[3:]
        target = b"\xff\x02" + bytes(13) + b"\1"
        udp = struct.pack("!HHHH", 40000, 8000, 8 + len(body), 0) + body
        sum_ = checksum(source + target + struct.pack("!II", len(udp), 17) + udp)
        udp = udp[:6] + struct.pack("!H", sum_) + body
        self.send(0x86DD, struct.pack("!IHBB", 6 << 28, len(udp), 17, 64) + source + target + udp, to=b"\x33\x33\0\0\0\1")
        return "sent"

    def arp(self, address, wait=WAIT_S):
        request = struct.pack("!HHBBH6s4s6s4s", 1, 0x0800, 6, 4, 1, self.mac, socket.inet_aton(self.address), bytes(6),
                              socket.inet_aton(address))
        self.send(0x0806, request, to=b"\xff" * 6)
        for kind, data in self.frames(float(wait)):
            if kind == 0x0806 and data[6:8] == b"\0\2" and data[14:18] == socket.inet_aton(address):
                return ":".join("%02x" % b for b in data[8:14])
        return "nothing"

    def heard(self, wait=WAIT_S):
        if not self.unasked:
            self.unasked += [data[8:].decode() for protocol, _, data in self.first_udp(float(wait))]
        said, self.unasked = " ".join(self.unasked), []
        return said or "nothing"

    def first_udp(self, seconds):
        for packet in self.packets(seconds):
            if packet[0] == 17:
                return [packet]
        return []


def main():
    guests = {}
    for line in sys.stdin:
        verb, name, *words = line.split()
        if verb == "open":
            guests[name] = Guest(*words)
            answer = "ok"
        elif verb == "udp":
            answer = guests[name].udp(*words[:3], **dict(word.split("=") for word in words[3:]))
        else:
            answer = getattr(guests[name], verb)(*words)
        print(answer, flush=True)


main()
