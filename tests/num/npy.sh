# npy.sh -- .npy files in sh: sourced, not run. Numbers are of one of the kinds `azulejo` reads.

# npy_values FILE: the numbers, one a line.
npy_values() {
	at=$(($(od -An -tu2 -j8 -N2 "$1") + 10))
	case $(head -c 64 "$1" | tr -d '\0') in
	*"<f4"*) od -An -v -w4 -tf4 -j$at "$1" ;;
	*"<i4"*) od -An -v -w4 -td4 -j$at "$1" ;;
	*"<u2"*) od -An -v -w2 -tu2 -j$at "$1" | npy_half 8 127 ;;
	*"<f2"*) od -An -v -w2 -tu2 -j$at "$1" | npy_half 5 15 ;;
	esac
}

# The bits of 16-bit floats, one a line, to numbers.
npy_half() { # EXPONENT-BITS BIAS
	awk -v e="$1" -v bias="$2" '
	BEGIN { unit = 2 ^ (15 - e); top = 2 ^ e - 1 }
	{
		m = $1 % unit; x = int($1 / unit) % (top + 1)
		if (x == top) print "nan"
		else {
			y = ((x > 0) + m / unit) * 2 ^ ((x ? x : 1) - bias)
			printf "%.9g\n", ($1 < 32768 ? y : -y)
		}
	}'
}

# npy_head FILE DTYPE SHAPE: a header alone, 128 bytes: npy_head x.npy '<f4' '1, 2, 3'.
npy_head() {
	printf '\223NUMPY\001\000v\000' >"$1"
	printf '%-117s\n' "{'descr': '$2', 'fortran_order': False, 'shape': ($3), }" >>"$1"
}

# npy_zeros FILE DTYPE SHAPE BYTES
npy_zeros() {
	npy_head "$1" "$2" "$3"
	head -c "$4" /dev/zero >>"$1"
}

# npy_error GOT WANT: files of numbers, one a line; their relative distance, nan where they do
# not compare.
npy_error() {
	paste "$1" "$2" | awk '
	NF != 2 || $1 $2 ~ /n/ { bad = 1 }
	{ num += ($1 - $2) ^ 2; den += $2 ^ 2 }
	END { if (bad || !den) print "nan"; else printf "%.2e\n", sqrt(num / den) }'
}

# npy_within ERROR BAR
npy_within() { awk -v e="$1" -v bar="$2" 'BEGIN { exit !(e != "nan" && e + 0 <= bar + 0) }'; }
