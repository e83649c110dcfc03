#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
#
# trim-kernel.pl FROM TO - a kernel's ELF file with only what a VMM must load.
#
# Memory of a VM that starts is zero, and QEMU does not answer before it has copied every byte of every segment, which
# makes huge pages of them. In Debian's kernel a third of those bytes are zeros (.bss, .brk, the ends of sections that
# begin at 2 MiB): with what writing in one go saves they cost 4 ms of each start. Segments are cut where zeros lie, and
# neither symbols nor section headers, which nobody reads there, are kept. What was trimmed once stays as it is.
#
# Ends with 3, and what of FROM is wrong on stderr, when that is no such file; with 1 when a file fails it.
#
# The file's format is that of the System V ABI, "ELF-64 Object File Format"; the note of PVH (x86/xen/hvm) goes along.
use strict;
use warnings;

use constant { HEADER => 64, ENTRY => 56, LOAD => 1, NOTE => 4, PAGE => 4096, HOLE => 65536, MOST => 64, NOTE_MOST => 65536 };
my $FORM = 'L<L<Q<Q<Q<Q<Q<Q<'; # type flags offset vaddr paddr filesz memsz align

my ($from, $to) = @ARGV;

sub damaged { print STDERR "$_[0]\n"; exit 3 }
sub failed { print STDERR "$_[0]: $!\n"; exit 1 }

open(my $in, '<:raw', $from) or failed($from);
my $size = -s $in;

sub part {
	my ($at, $n) = @_;
	damaged('is cut off') if $at > $size || $n > $size - $at;
	my $bytes = '';
	seek($in, $at, 0);
	failed($from) if $n && (read($in, $bytes, $n) // -1) != $n;
	return $bytes;
}

my $header = part(0, HEADER);
my ($magic, $class, $order, $type, $machine, $table, $entry, $count) =
	(unpack('a4CC', $header), unpack('x16S<S<', $header), unpack('x32Q<', $header), unpack('x54S<S<', $header));
damaged('is no 64-bit x86 program')
	if $magic ne "\x7fELF" || $class != 2 || $order != 1 || ($type != 2 && $type != 3) || $machine != 62 || $entry != ENTRY;

my (@pieces, @notes);
my $total = 0;
for my $i (0 .. $count - 1) {
	my ($kind, $flags, $offset, $vaddr, $paddr, $bytes) = unpack($FORM, part($table + $i * ENTRY, ENTRY));
	if ($kind == NOTE && $bytes <= NOTE_MOST) {
		push @notes, [NOTE, $flags, $vaddr, $paddr, part($offset, $bytes)];
	}
	next if $kind != LOAD;
	my $data = part($offset, $bytes);
	damaged('loads more than it holds') if ($total += $bytes) > $size;
	my ($begin, $zeros) = (0, 0); # of the piece; how many end at $at
	my $keep = sub { # from $begin to an end
		my ($end) = @_;
		push @pieces, [LOAD, $flags, $vaddr + $begin, $paddr + $begin, substr($data, $begin, $end - $begin)] if $end > $begin;
	};
	for (my $at = 0; $at < $bytes; $at += PAGE) {
		my $n = $bytes - $at < PAGE ? $bytes - $at : PAGE;
		if (substr($data, $at, $n) !~ /[^\0]/) {
			$zeros += $n;
			next;
		}
		if ($zeros >= HOLE) {
			$keep->($at - $zeros);
			$begin = $at;
		}
		$zeros = 0;
	}
	$keep->($zeros >= HOLE ? $bytes - $zeros : $bytes);
}
damaged('has nothing to load') if !@pieces;
damaged('is in too many pieces') if @pieces + @notes > MOST;

# Offsets that lie in a page as the addresses do, so that the file could be mapped, too.
my $at = HEADER + ENTRY * (@pieces + @notes);
my ($headers, $body) = ('', '');
for my $piece (@pieces, @notes) {
	my ($kind, $flags, $vaddr, $paddr, $data) = @$piece;
	my $gap = $kind == LOAD ? ($paddr - $at) % PAGE : -$at % 8;
	$body .= "\0" x $gap . $data;
	$at += $gap;
	$headers .= pack($FORM, $kind, $flags, $at, $vaddr, $paddr, length $data, length $data, $kind == LOAD ? PAGE : 4);
	$at += length $data;
}
substr($header, 32, 8) = pack('Q<', HEADER);                      # program headers
substr($header, 40, 8) = pack('Q<', 0);                           # no section headers
substr($header, 56, 8) = pack('S<S<S<S<', @pieces + @notes, 0, 0, 0);

# In one go: the page cache keeps what is written together in large pieces, which are mapped faster.
my $all = $header . $headers . $body;
open(my $out, '>:raw', $to) or failed($to);
for (my $done = 0; $done < length $all;) {
	$done += syswrite($out, $all, length($all) - $done, $done) || failed($to);
}
close($out) or failed($to);
