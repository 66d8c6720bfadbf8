#!/bin/sh
# Who may include whom, and where each third-party header is at home. Prints what is wrong; 1 then.
cd "$(dirname "$0")/../.." || exit 2

find common proto services gateway -name '*.[ch]' | xargs perl -ne '
    BEGIN {
        # directory => what its files may include, as the start of the path
        %may = (
            "common"           => [qw(common/)],
            "proto"            => [qw(common/ proto/)],
            "services/core"    => [qw(common/ proto/ services/core/)],
            "services/accounts" => [qw(common/ proto/ services/core/ services/accounts/)],
            "services/crm"     => [qw(common/ proto/ services/core/ services/crm/)],
            "services/rentals" => [qw(common/ proto/ services/core/ services/rentals/)],
            "services/billing" => [qw(common/ proto/ services/core/ services/billing/)],
            "services/sync"    => [qw(common/ proto/ services/core/ services/sync/)],
            "gateway"          => [qw(common/ proto/ gateway/)],
        );
        # third-party header => the files it may be seen in
        @home = (
            [qr{^sodium}, qr{^common/crypto\.c$}],
            [qr{^zlib\.h}, qr{^common/(crypto|zip)\.c$|^gateway/|^services/billing/pdf}],
            [qr{^yajl/}, qr{^common/json\.c$}],
            [qr{^msgpack}, qr{^common/mp\.h$}],
            [qr{^libpq-fe}, qr{^services/core/(migrate\.c|pg\w*\.[ch])$}],
            [qr{^(cairo|pango)}, qr{^services/billing/pdf}],
            [qr{^libxml/}, qr{^services/billing/ubl\.c$}],
            [qr{^nng/}, qr{^(services/core|gateway)/}],
            [qr{^civetweb}, qr{^gateway/}],
            [qr{^hiredis}, qr{^gateway/}],
            [qr{^curl/}, qr{^services/(sync/|accounts/mail\.c$)}],
            [qr{^csv\.h}, qr{^services/crm/csv_reader\.c$}],
            [qr{^cmocka}, qr{^tests/}],
        );
    }
    if (/^\s*#\s*include\s*"([^"]+)"/) {
        my $what = $1;
        my ($dir) = $ARGV =~ m{^(services/\w+|\w+)/} or next;
        $dir = "proto" if $dir =~ m{^proto};
        my $allowed = $may{$dir};
        if (!$allowed) {
            print "$ARGV:$.: no layer is known for $dir\n"; $bad = 1;
        } elsif (!grep { index($what, $_) == 0 } @$allowed) {
            print "$ARGV:$.: $dir may not include $what\n"; $bad = 1;
        }
    } elsif (/^\s*#\s*include\s*<([^>]+)>/) {
        my $header = $1;
        for my $rule (@home) {
            next if $header !~ $rule->[0] || $ARGV =~ $rule->[1];
            print "$ARGV:$.: <$header> is not at home here\n"; $bad = 1;
        }
    }
    close ARGV if eof;
    END { $? = $bad ? 1 : 0 }
' || exit 1
