#!/bin/sh
# Functions and words that have no place here. Comments and texts are looked through only for the
# words. Prints each; 1 then.
cd "$(dirname "$0")/../.." || exit 2

find common proto services gateway -name '*.[ch]' | xargs perl -0777 -ne '
    BEGIN {
        @banned = (
            [qr/\b(v?sprintf|strcpy|stpcpy|strcat|strncpy|strncat|gets)\s*\(/, "has no bound"],
            [qr/\b(ato[fil]|atoll)\s*\(/, "cannot tell an error from 0"],
            [qr/\b(strtok|localtime|gmtime|ctime|asctime|rand|srand|strerror_r)\s*\(/,
             "is not for threads, or not for us"],
            [qr/\b(system|popen|alloca|setjmp|longjmp|vfork)\s*\(/, "is never needed here"],
            [qr/\b(strtod|strtof|strtold|atof)\s*\(/, "would pass a number through a double"],
        );
        # Memory is taken from arenas; these files start the program or own what lives for ever.
        $heap = qr{^(common/(arena|config|metrics)\.c|proto/routes\.c|services/core/\w+\.c
                    |services/\w+/main\.c|services/sync/\w+\.c|gateway/\w+\.c)$}x;
    }
    my $text = $_;
    while ($text =~ /\b(TO[D]O|FIX[M]E|XX[X]|HA[C]K)\b/g) {
        my $line = 1 + (substr($text, 0, $-[0]) =~ tr/\n//);
        print "$ARGV:$line: $1: do it, or file an issue\n"; $bad = 1;
    }
    # Blank out comments and texts, keeping the lines.
    $text =~ s{(/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*")}{ my $t = $1; $t =~ s/[^\n]/ /g; $t }gse;
    for my $rule (@banned) {
        while ($text =~ /$rule->[0]/g) {
            my $line = 1 + (substr($text, 0, $-[0]) =~ tr/\n//);
            print "$ARGV:$line: $1() $rule->[1]\n"; $bad = 1;
        }
    }
    while ($ARGV !~ $heap && $text =~ /\b(malloc|calloc|realloc|strdup|strndup)\s*\(/g) {
        my $line = 1 + (substr($text, 0, $-[0]) =~ tr/\n//);
        print "$ARGV:$line: $1(): take it from the arena\n"; $bad = 1;
    }
    END { $? = $bad ? 1 : 0 }
' || exit 1
