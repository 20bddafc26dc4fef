use mlua::FromLuaMulti;

use super::*;
use crate::modules::errors;

fn state() -> Lua {
    let lua = Lua::new();
    lua.globals().set("errors", errors::open(&lua).unwrap()).unwrap();
    lua.globals().set("time", open(&lua).unwrap()).unwrap();
    lua
}

fn run<T: FromLuaMulti>(source: &str) -> T {
    state().load(source).eval().unwrap()
}

/// The message of an error, which is of kind Invalid (L-20).
fn refused(call: &str) -> String {
    run(&format!("local v, e = {call} assert(v == nil and e:kind() == errors.INVALID) return e:message()"))
}

fn formatted(layout: &str) -> String {
    let source =
        "return time.date(2024, 2, 9, 15, 4, 5, 123456000, time.fixed_zone('CET', 3600)):format(...)";
    state().load(source).call(layout).unwrap()
}

/// `text`, read and written as RFC 3339.
fn parsed(layout: &str, text: &str) -> String {
    let source = "local t, e = time.parse(...) return t and t:format(time.RFC3339NANO) or e:message()";
    state().load(source).call((layout, text)).unwrap()
}

/// L-33
#[test]
fn constants() {
    assert_eq!(run::<(i64, i64)>("return time.MILLISECOND, time.HOUR"), (1_000_000, 3_600_000_000_000));
    assert_eq!(run::<(i64, i64, i64)>("return time.DECEMBER, time.SUNDAY, time.SATURDAY"), (12, 0, 6));
    assert_eq!(run::<String>("return time.RFC3339"), "2006-01-02T15:04:05Z07:00");
}

#[test]
fn times_are_made_of_what_they_are_shown_as() {
    let rfc = |source: &str| run::<String>(&format!("return assert({source}):format(time.RFC3339NANO)"));
    assert_eq!(rfc("time.date(2024, time.DECEMBER, 25, 10, 30, 0, 0, time.utc)"), "2024-12-25T10:30:00Z");
    assert_eq!(
        rfc("time.date(2024, 13, 32, 25, 61, 61, 1000000001, 'UTC')"),
        "2025-02-02T02:02:02.000000001Z"
    );
    assert_eq!(rfc("time.date(2024, 0, 0, 0, 0, 0, -1)"), "2023-11-29T23:59:59.999999999Z");
    assert_eq!(rfc("time.unix(1703862245, 500000000)"), "2023-12-29T15:04:05.5Z");
    assert_eq!(rfc("time.unix(1703862245, -1)"), "2023-12-29T15:04:04.999999999Z");
    assert_eq!(rfc("time.unix(1.5)"), "1970-01-01T00:00:01.5Z");
    assert_eq!(rfc("time.unix(-1.5)"), "1969-12-31T23:59:58.5Z");
    assert_eq!(rfc("time.unix_milli(-1)"), "1969-12-31T23:59:59.999Z");
    assert_eq!(
        rfc("time.date(2024, 1, 1, 12, 0, 0, 0, time.fixed_zone('IST', 19800))"),
        "2024-01-01T12:00:00+05:30"
    );
    assert!(run::<bool>("return time.now():year() >= 2024 and time.now():location():string() == 'UTC'"));
}

#[test]
fn times_have_parts() {
    let parts: (i64, i64, i64, i64, i64, i64, i64) = run(
        "local t = time.date(2024, 12, 31, 23, 59, 58, 7)
         assert(t:year() == 2024 and t:month() == 12 and t:day() == 31 and t:hour() == 23 and t:minute() == 59)
         local y, mo, d = t:date()
         local h, mi, s = t:clock()
         assert(y == 2024 and mo == 12 and d == 31 and h == 23 and mi == 59 and s == 58)
         return t:second(), t:nanosecond(), t:weekday(), t:year_day(), t:unix(), t:unix_milli(), t:unix_nano()",
    );
    assert_eq!(parts, (58, 7, 2, 366, 1735689598, 1735689598000, 1735689598000000007));
    assert!(run::<bool>("return time.date(1, 1, 1):is_zero() and not time.unix(0):is_zero()"));
}

#[test]
fn times_are_written_in_layouts() {
    for (layout, text) in [
        ("2006-01-02T15:04:05Z07:00", "2024-02-09T15:04:05+01:00"),
        ("2006-01-02T15:04:05.999999999Z0700", "2024-02-09T15:04:05.123456+0100"),
        ("Monday, 02-Jan-06 15:04:05 MST", "Friday, 09-Feb-24 15:04:05 CET"),
        ("Mon Jan _2 3:04:05.000 PM -07 2006", "Fri Feb  9 3:04:05.123 PM +01 2024"),
        ("January 2 1 _2006 002 __2 03pm 4 5 ,000000000", "February 9 2 _2024 040  40 03pm 4 5 ,123456000"),
        ("-07:00:00 -070000 Z07", "+01:00:00 +010000 +01"),
        ("Janet Month text é .5", "Janet Month text é .5"),
        ("", ""),
    ] {
        assert_eq!(formatted(layout), text, "{layout}");
    }
    let midnight = "return time.date(2024, 1, 1):format('3:04PM 03am 15 .999 .000 Z07:00 MST')";
    assert_eq!(run::<String>(midnight), "12:00AM 12am 00  .000 Z UTC");
    assert_eq!(run::<String>("return tostring(time.unix(1, 5000000))"), "1970-01-01 00:00:01.005 +0000 UTC");
    assert_eq!(run::<String>("return time.unix(0):format_rfc3339()"), "1970-01-01T00:00:00Z");
    assert_eq!(refused("time.now():format(('2006'):rep(1025))"), "layout is longer than 4096 bytes");
    assert_eq!(refused("time.now():format()"), "layout must be a string, not nil");
}

#[test]
fn times_are_read_by_layouts() {
    for (layout, text, wanted) in [
        ("2006-01-02T15:04:05Z07:00", "2024-12-29T15:04:05Z", "2024-12-29T15:04:05Z"),
        ("2006-01-02T15:04:05Z07:00", "2024-12-29T15:04:05.25-02:30", "2024-12-29T15:04:05.25-02:30"),
        ("2006-01-02T15:04:05.999999999Z07:00", "2024-12-29T15:04:05+00:00", "2024-12-29T15:04:05Z"),
        ("2006-01-02", "2024-12-29", "2024-12-29T00:00:00Z"),
        ("15:04:05", "14:30:00", "0000-01-01T14:30:00Z"),
        ("2006-01-02 15:04:05 MST", "2024-12-29 14:30:00 EST", "2024-12-29T14:30:00Z"),
        ("2006-01-02 15:04 MST", "2024-12-29 14:30 GMT+3", "2024-12-29T14:30:00+03:00"),
        ("2006-01-02 15:04 MST -0700", "2024-12-29 14:30 CET +0100", "2024-12-29T14:30:00+01:00"),
        ("Mon, 02 Jan 2006 15:04:05 MST", "sun, 29 DEC 2024 15:04:05 UTC", "2024-12-29T15:04:05Z"),
        ("Monday, 02-January-06", "Sunday, 29-December-69", "1969-12-29T00:00:00Z"),
        ("3:04PM", "12:05AM", "0000-01-01T00:05:00Z"),
        ("3:04pm", "1:05pm", "0000-01-01T13:05:00Z"),
        ("Jan _2 2006", "Feb  3 2024", "2024-02-03T00:00:00Z"),
        ("2006 002", "2024 366", "2024-12-31T00:00:00Z"),
        ("05.000", "07.123", "0000-01-01T00:00:07.123Z"),
        ("05.99", "07.1239", "0000-01-01T00:00:07.1239Z"),
        ("a  b", "a b", "0000-01-01T00:00:00Z"),
        ("", "", "0000-01-01T00:00:00Z"),
    ] {
        assert_eq!(parsed(layout, text), wanted, "{layout} {text}");
    }
    let zoned = "return time.parse('2006-01-02', '2024-01-01', time.fixed_zone('X', 7200)):format_rfc3339()";
    assert_eq!(run::<String>(zoned), "2024-01-01T00:00:00+02:00");
}

#[test]
fn text_that_is_no_time_is_refused() {
    for (layout, text, problem) in [
        ("2006-01-02", "2024-13-01", "is out of range"),
        ("2006-01-02", "2023-02-29", "day is out of range"),
        ("2006-01-02", "2024-1-01", "does not match"),
        ("2006-01-02", "2024-01-01x", "has extra text"),
        ("2006-01-02", "", "does not match"),
        ("2006-01-02", "é024-01-01", "does not match"),
        ("Jan", "Fe\u{301}b", "does not match"),
        ("15:04", "24:00", "is out of range"),
        ("Z07:00", "+24:00", "is out of range"),
        ("Z07:00", "é", "does not match"),
        ("05.000", "05.1é", "does not match"),
        ("2006 002", "2023 366", "day of the year is out of range"),
        ("2006-01 002", "2024-02 001", "day of the year does not match the date"),
        ("MST", "abc", "does not match"),
        ("MST", "GMT+é", "has extra text"),
    ] {
        let told = parsed(layout, text);
        assert!(told.ends_with(problem) && told.starts_with("parsing time"), "{layout} {text}: {told}");
    }
    assert!(refused("time.parse('2006', ('9'):rep(1000000))").len() < 200);
    assert_eq!(refused("time.parse('2006', {})"), "time must be a string, not table");
}

#[test]
fn times_are_reckoned_with() {
    let rfc = |source: &str| {
        run::<String>(&format!("local t = time.date(2024, 1, 31) return ({source}):format_rfc3339()"))
    };
    assert_eq!(rfc("t:add('24h')"), "2024-02-01T00:00:00Z");
    assert_eq!(rfc("t:add(-5 * time.MINUTE)"), "2024-01-30T23:55:00Z");
    assert_eq!(rfc("t:add((time.parse_duration('1h30m')))"), "2024-01-31T01:30:00Z");
    assert_eq!(rfc("t:add_date(0, 1, 0)"), "2024-03-02T00:00:00Z");
    assert_eq!(rfc("t:add_date(1, 0, -7)"), "2025-01-24T00:00:00Z");
    assert_eq!(rfc("t:add('89m'):truncate((time.parse_duration('1h')))"), "2024-01-31T01:00:00Z");
    assert_eq!(rfc("t:add('90m'):round('1h')"), "2024-01-31T02:00:00Z");
    assert_eq!(rfc("t:in_location((time.fixed_zone('X', -3600)))"), "2024-01-30T23:00:00-01:00");
    assert_eq!(run::<f64>("return time.unix(7200):sub(time.unix(0)):hours()"), 2.0);
    let longest = "return time.date(9999, 1, 1):sub(time.date(1, 1, 1)):nanoseconds()";
    assert_eq!(run::<i64>(longest), i64::MAX);
}

#[test]
fn times_are_compared() {
    assert!(run::<bool>(
        "local a, b = time.unix(1), time.unix(2)
         local c = time.unix(1):in_location((time.fixed_zone('X', 60)))
         return a < b and a <= c and b > a and a == c and a ~= b and a:before(b) and b:after(a) and a:equal(c)
             and a ~= 1 and not a:equal(b)"
    ));
    assert!(!run::<bool>("return pcall(function() return time.unix(1) < 1 end)"));
    assert_eq!(refused("time.unix(1):before(2)"), "time must be a time, not integer");
}

/// No overflow: nothing panics, and what is beyond the years 0 to 9999 is an error.
#[test]
fn what_is_out_of_range_is_refused() {
    for call in [
        "time.unix(math.maxinteger)",
        "time.unix(math.mininteger, math.mininteger)",
        "time.unix(253402300799, math.maxinteger)",
        "time.unix_nano(2^70)",
        "time.date(math.maxinteger, math.maxinteger, math.maxinteger)",
        "time.date(10^15, 10^15, 10^15, 10^15, 10^15, 10^15, math.mininteger)",
        "time.date(-1, 1, 1)",
        "time.date(10000, 1, 1)",
        "time.date(2000, 1, 1, 0, 0, 0, 0, time.unix(0))",
        "time.unix(0):add_date(math.mininteger, 0, 0)",
        "time.unix(0):add_date(0, math.maxinteger, 0)",
        "time.unix(0):add_date(0, 0, math.maxinteger)",
        "time.date(9999, 12, 31):add(math.maxinteger)",
        "time.date(0, 1, 1):add(math.mininteger)",
        "time.date(0, 1, 1, 1):truncate(math.maxinteger)",
        "time.date(9000, 1, 1):unix_nano()",
        "time.unix(0/0)",
        "time.unix(1e300)",
        "time.unix('x')",
        "time.fixed_zone('x', 86400)",
        "time.fixed_zone(('x'):rep(65), 0)",
        "time.load_location('')",
    ] {
        refused(call);
    }
    let edges = "return time.date(0, 1, 1):in_location((time.fixed_zone('x', -86399))):format_rfc3339()";
    assert_eq!(run::<String>(edges), "-001-12-31T00:00:01-23:59");
}

#[test]
fn locations() {
    assert_eq!(run::<String>("return tostring(time.load_location('UTC'))"), "UTC");
    assert!(run::<bool>("return time.utc == time.localtz and time.utc ~= time.fixed_zone('x', 1)"));
    let unknown: (String, String) =
        run("local _, e = time.load_location('Mars/Base') return e:kind(), e:message()");
    assert_eq!(unknown, ("NotFound".into(), "location not found: Mars/Base".into()));
}

/// L-33
#[test]
fn durations_are_read() {
    for (text, nanos) in [
        ("'0'", 0),
        ("'1h30m45s500ms'", 5_445_500_000_000),
        ("'-1.5s'", -1_500_000_000),
        ("'+.5us'", 500),
        ("'1.µs'", 1_000),
        ("'2μs3ns'", 2_003),
        ("'0.000000000000000001h'", 0),
        ("'9223372036854775807ns'", i64::MAX),
        ("'-9223372036854775808ns'", i64::MIN),
        ("time.SECOND", 1_000_000_000),
        ("0.5 * time.SECOND", 500_000_000),
        ("time.parse_duration('3s')", 3_000_000_000),
    ] {
        let source = format!("return assert(time.parse_duration({text})):nanoseconds()");
        assert_eq!(run::<i64>(&source), nanos, "{text}");
    }
    for (text, problem) in [
        ("''", "invalid duration \"\""),
        ("'-'", "invalid duration \"-\""),
        ("'1'", "missing unit in duration \"1\""),
        ("'1x'", "unknown unit in duration \"1x\""),
        ("'.s'", "invalid duration \".s\""),
        ("'1h 2m'", "unknown unit in duration \"1h 2m\""),
        ("'9223372036854775808ns'", "out of range: duration \"9223372036854775808ns\""),
        ("'99999999999999999999999999h'", "out of range: duration \"99999999999999999999999999h\""),
        ("('1h'):rep(3000000)", ""),
        ("0/0", "duration is out of range"),
        ("2^63", "duration is out of range"),
        ("{}", "duration must be a number, text or a duration, not table"),
        ("time.now()", "duration must be a duration, not userdata"),
    ] {
        let told = refused(&format!("time.parse_duration({text})"));
        assert!(told == problem || (problem.is_empty() && told.len() < 120), "{text}: {told}");
    }
}

#[test]
fn durations_are_written_as_go_writes_them() {
    for (nanos, text) in [
        ("0", "0s"),
        ("1", "1ns"),
        ("1100", "1.1µs"),
        ("2200000", "2.2ms"),
        ("3300000000", "3.3s"),
        ("90 * time.MINUTE", "1h30m0s"),
        ("4 * time.MINUTE + 5001 * time.MILLISECOND", "4m5.001s"),
        ("-1500 * time.MILLISECOND", "-1.5s"),
        ("math.maxinteger", "2562047h47m16.854775807s"),
        ("math.mininteger", "-2562047h47m16.854775808s"),
    ] {
        assert_eq!(run::<String>(&format!("return tostring(time.parse_duration({nanos}))")), text);
    }
}

#[test]
fn durations_are_reckoned_with() {
    assert!(run::<bool>(
        "local a, b = time.parse_duration('1h'), time.parse_duration('90m')
         assert(a < b and a <= b and a ~= b and a == time.parse_duration('60m'))
         assert((a + b):minutes() == 150 and (b - a):minutes() == 30 and (-a):hours() == -1)
         assert((a + '1s'):seconds() == 3601 and (time.SECOND + a):seconds() == 3601)
         assert((a * 2):hours() == 2 and (0.5 * a):minutes() == 30 and (a / 2):minutes() == 30 and b / a == 1.5)
         assert(a:milliseconds() == 3600000 and a:microseconds() == 3600000000 and 'x' .. a == 'x1h0m0s')
         return math.type(a:milliseconds()) == 'integer'"
    ));
    for bad in [
        "a + a",
        "-b",
        "b - 1",
        "a * 2",
        "a * 0/0 * a",
        "a / 0",
        "a / 0.0",
        "b / -1",
        "a * a",
        "a + {}",
        "a < 1",
        "1 / a",
    ] {
        let source = format!(
            "local a, b = time.parse_duration(math.maxinteger), time.parse_duration(math.mininteger)
             return pcall(function() return {bad} end)"
        );
        assert!(!run::<bool>(&source), "{bad}");
    }
}

/// For those that wait.
#[test]
fn a_negative_duration_is_no_time() {
    let lua = state();
    let value = |source: &str| lua.load(source).eval::<Value>().unwrap();
    assert_eq!(duration(&value("return -1")).unwrap(), std::time::Duration::ZERO);
    assert_eq!(duration(&value("return math.mininteger")).unwrap(), std::time::Duration::ZERO);
    assert_eq!(duration(&value("return '1ms'")).unwrap(), std::time::Duration::from_millis(1));
    assert_eq!(nanos(&value("return '-1ms'")).unwrap(), -1_000_000);
}
