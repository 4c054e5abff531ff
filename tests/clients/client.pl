# Ask for a URL with one of Perl's clients: client.pl lwp|tiny URL. Ends with 0 if there is an answer.
use strict;
use warnings;

my ($name, $url) = @ARGV;
my $good;

if ($name eq 'lwp') {
	require LWP::UserAgent;
	my $client = LWP::UserAgent->new(timeout => 5, env_proxy => 1);
	$good = $client->get($url)->is_success;
} else {
	require HTTP::Tiny;
	$good = HTTP::Tiny->new(timeout => 5)->get($url)->{success};
}
exit($good ? 0 : 1);
