# Debian's busybox prefers its own applets to programs on PATH, and has some that Alpine's has not; Alpine's shell looks at PATH.
# Renames applets in the table of names (sorted, NUL-ended): $1 from, $2 to, $3 "shell" hides all but the shell itself, "all" what Alpine has not.
use strict; use warnings;
my ($from, $to, $which) = @ARGV;
local $/; open my $in, "<:raw", $from or die $!; my $program = <$in>;
$program =~ /\[\0\[\[\0acpid\0.*?\0zcat\0/s or die "no table of applets found";
my ($start, $length) = ($-[0], $+[0] - $-[0]);
my @names = split /\0/, substr($program, $start, $length), -1;
# One letter less keeps the order in which the table is searched.
my %absent = (ar => "aq", dpkg => "dpkf", "dpkg-deb" => "dpkf-deb", rpm => "rpl");
for (@names) {
  if ($which eq "all") { $_ = $absent{$_} // $_ }
  # No command line names these: the last byte is a control character. A lower byte keeps what comes before sh and ash before them.
  elsif ($_ ne "" && $_ ne "sh" && $_ ne "ash") { substr($_, -1) = "\x01" }
}
substr($program, $start, $length) = join "\0", @names;
open my $out, ">:raw", $to or die $!; print $out $program; close $out; chmod 0755, $to;
