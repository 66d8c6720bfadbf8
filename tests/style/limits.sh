#!/bin/sh
# Sizes: functions of at most 60 lines, .c files of 500 (tables exempt), headers of 150, 100 columns.
# Prints what is too large; 1 then.
cd "$(dirname "$0")/../.." || exit 2

find common proto services gateway tests -name '*.[ch]' | xargs perl -CSD -ne '
    chomp;
    if (length($_) > 100) {
        print "$ARGV:$.: ", length($_), " columns\n"; $bad = 1;
    }
    # A function opens with a brace in the first column and ends with one.
    if ($_ eq "{") {
        $from = $.;
    } elsif ($_ eq "}" && $from) {
        my $lines = $. - $from + 1;
        if ($lines > 60) {
            print "$ARGV:$from: a function of $lines lines\n"; $bad = 1;
        }
        $from = 0;
    }
    if (eof) {
        my $limit = $ARGV =~ /\.h$/ ? 150 : $ARGV =~ m{^proto/resources/} ? 1e9 : 500;
        if ($. > $limit) {
            print "$ARGV: $. lines, $limit are allowed\n"; $bad = 1;
        }
        $from = 0;
        close ARGV;
    }
    END { $? = $bad ? 1 : 0 }
' || exit 1
