use super::*;

fn rules(allow: &[&str], deny: &[&str]) -> Rules {
    let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
    Rules::parse(&owned(allow), &owned(deny)).expect("patterns")
}

fn spot<'a>(scheme: Scheme, name: Option<&'a str>, port: u16) -> Spot<'a> {
    Spot { scheme, name, port }
}

/// Whether `rules` let a guest reach a place by its name, where it has one, and then by its address.
fn reaches(rules: &Rules, scheme: Scheme, name: Option<&str>, ip: &str, port: u16) -> bool {
    let spot = spot(scheme, name, port);
    rules.of_name(spot).is_allowed() && rules.of_address(spot, ip.parse().expect(ip)).is_allowed()
}

const PUBLIC_IP: &str = "93.184.216.34";

#[test]
fn nothing_said_opens_public_addresses_only() {
    let rules = Rules::default();
    assert!(reaches(&rules, Scheme::Https, Some("example.com"), PUBLIC_IP, 443));
    assert!(reaches(&rules, Scheme::Udp, None, PUBLIC_IP, 53));
    for ip in ["127.0.0.1", "10.0.0.1", "169.254.169.254", "::1", "::ffff:10.0.0.1", "64:ff9b::a00:1"] {
        assert!(!reaches(&rules, Scheme::Tcp, None, ip, 80), "{ip}");
        assert!(!reaches(&rules, Scheme::Http, Some("example.com"), ip, 80), "{ip}");
    }
    assert!(!reaches(&rules, Scheme::Listen, None, PUBLIC_IP, 80));
}

#[test]
fn names_open_what_is_public_or_said() {
    let bare = rules(&["https://db.example.com"], &[]);
    assert!(reaches(&bare, Scheme::Https, Some("db.example.com"), PUBLIC_IP, 443));
    assert!(!reaches(&bare, Scheme::Https, Some("db.example.com"), "10.0.0.1", 443));
    assert!(!reaches(&bare, Scheme::Https, Some("db.example.com"), PUBLIC_IP, 444));
    assert!(!reaches(&bare, Scheme::Https, None, PUBLIC_IP, 443));
    let inside = rules(&["https://db.example.com in private"], &[]);
    assert!(reaches(&inside, Scheme::Https, Some("db.example.com"), "10.0.0.1", 443));
    assert!(!reaches(&inside, Scheme::Https, Some("db.example.com"), PUBLIC_IP, 443));
    let local = rules(&["http://localhost:*"], &[]);
    assert!(reaches(&local, Scheme::Http, Some("localhost"), "127.0.0.1", 8080));
    assert!(!reaches(&local, Scheme::Http, Some("localhost"), PUBLIC_IP, 8080));
}

#[test]
fn wildcards_end_at_a_label() {
    let below = rules(&["*.example.com"], &[]);
    for (name, open) in [
        ("a.example.com", true),
        ("a.b.example.com", true),
        ("example.com", false),
        (".example.com", false),
        ("evilexample.com", false),
        ("example.com.evil.com", false),
    ] {
        assert_eq!(reaches(&below, Scheme::Https, Some(name), PUBLIC_IP, 443), open, "{name}");
    }
}

#[test]
fn tcp_carries_http_and_not_the_other_way_round() {
    let tcp = rules(&["tcp://10.0.0.1:80"], &[]);
    let http = rules(&["http://10.0.0.1"], &[]);
    assert!(
        reaches(&tcp, Scheme::Http, None, "10.0.0.1", 80) && reaches(&tcp, Scheme::Tcp, None, "10.0.0.1", 80)
    );
    assert!(reaches(&http, Scheme::Http, None, "10.0.0.1", 80));
    assert!(
        !reaches(&http, Scheme::Tcp, None, "10.0.0.1", 80)
            && !reaches(&tcp, Scheme::Udp, None, "10.0.0.1", 80)
    );
}

#[test]
fn deny_wins_by_name_by_address_and_in_every_spelling() {
    let rules = rules(&["all", "listen://*:*"], &["*.evil.com", "10.0.0.0/8", "tcp://192.168.0.0/16:22"]);
    assert!(!rules.of_name(spot(Scheme::Https, Some("a.evil.com"), 443)).is_allowed());
    assert!(!rules.of_lookup("a.evil.com").is_allowed());
    for ip in ["10.1.1.1", "::ffff:10.1.1.1", "64:ff9b::a01:101", "2002:a01:101::"] {
        assert!(!reaches(&rules, Scheme::Http, Some("fine.com"), ip, 80), "{ip}");
        assert!(!reaches(&rules, Scheme::Listen, None, ip, 80), "{ip}");
    }
    assert!(!reaches(&rules, Scheme::Tcp, None, "192.168.1.1", 22));
    assert!(reaches(&rules, Scheme::Tcp, None, "192.168.1.1", 23));
    assert!(reaches(&rules, Scheme::Listen, None, "127.0.0.1", 80));
}

#[test]
fn blocks_open_no_lookups_and_words_do() {
    assert!(!rules(&["10.0.0.0/8"], &[]).of_lookup("db.example.com").is_allowed());
    assert!(rules(&["10.0.0.0/8"], &[]).of_lookup("localhost").is_allowed());
    assert!(rules(&["private"], &[]).of_lookup("db.example.com").is_allowed());
    assert!(!rules(&["metadata"], &[]).of_lookup("db.example.com").is_allowed());
    assert!(!rules(&["https://api.example.com"], &[]).of_lookup("api.example.com").is_allowed());
    assert!(rules(&["tcp://api.example.com:443"], &[]).of_lookup("api.example.com").is_allowed());
    assert!(rules(&["private"], &[]).of_answer("x.com", "10.0.0.1".parse().unwrap()).is_allowed());
    assert!(!rules(&["private"], &[]).of_answer("x.com", PUBLIC_IP.parse().unwrap()).is_allowed());
}

#[test]
fn listening_needs_its_own_pattern() {
    for allow in ["all", "loopback", "tcp://127.0.0.1:80", "127.0.0.1"] {
        assert!(!reaches(&rules(&[allow], &[]), Scheme::Listen, None, "127.0.0.1", 80), "{allow}");
    }
    let listens = rules(&["listen://loopback:8000-8100"], &[]);
    assert!(reaches(&listens, Scheme::Listen, None, "127.0.0.1", 8000));
    assert!(!reaches(&listens, Scheme::Listen, None, "127.0.0.1", 0));
    assert!(!reaches(&listens, Scheme::Listen, None, "0.0.0.0", 8000));
    assert!(!reaches(&listens, Scheme::Tcp, None, "127.0.0.1", 8000));
}
