//! Times: a moment, and the zone it is shown in.

use mlua::{Lua, MetaMethod, UserData, UserDataMethods, Value};

use super::civil::{self, Civil, DAY};
use super::duration::{self, Duration, SECOND};
use super::format;
use super::zone::{self, Location, Zone};
use crate::modules::args::{self, Answer, Result, invalid};

/// The years 0 to 9999, in UTC.
const FIRST: i64 = -62_167_219_200;
const LAST: i64 = 253_402_300_799;
/// The beginning of year 1, Go's zero time.
const ZERO: i64 = -62_135_596_800;
/// No field of a date is further from 0: more is out of range anyway.
const FIELD: i64 = 1_000_000_000_000_000;

/// A time object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instant {
    /// Since the beginning of 1970, in UTC.
    pub seconds: i64,
    /// Less than a second.
    pub nanos: u32,
    pub zone: Zone,
}

/// A date and a time of day with fields of any size: month 13 is the next year's first.
#[derive(Debug, Clone, Copy)]
pub struct Fields {
    pub year: i64,
    pub month: i64,
    pub day: i64,
    pub hour: i64,
    pub minute: i64,
    pub second: i64,
    pub nanos: i64,
}

impl Fields {
    pub fn instant(self, zone: Zone) -> Result<Instant> {
        let Fields { year, month, day, hour, minute, second, nanos } = self;
        if [year, month, day, hour, minute, second]
            .iter()
            .any(|field| field.unsigned_abs() > FIELD.unsigned_abs())
        {
            return Err(out_of_range());
        }
        let months = i128::from(year) * 12 + i128::from(month) - 1;
        let year = i64::try_from(months.div_euclid(12)).map_err(|_| out_of_range())?;
        // Within this, days of a year are exact, and nothing overflows.
        if year.unsigned_abs() > 1_000_000_000 {
            return Err(out_of_range());
        }
        let days = civil::days(year, months.rem_euclid(12) as u32 + 1, 1) + day - 1;
        let seconds = i128::from(days) * i128::from(DAY)
            + i128::from(hour) * 3600
            + i128::from(minute) * 60
            + i128::from(second)
            - i128::from(zone.offset);
        Instant::of_nanos(seconds * i128::from(SECOND) + i128::from(nanos), zone)
    }
}

impl Instant {
    /// From seconds since 1970 and nanoseconds, of which there may be more than a second's.
    pub fn new(seconds: i64, nanos: i64, zone: Zone) -> Result<Self> {
        Self::of_nanos(i128::from(seconds) * i128::from(SECOND) + i128::from(nanos), zone)
    }

    pub fn of_nanos(nanos: i128, zone: Zone) -> Result<Self> {
        let second = i128::from(SECOND);
        match i64::try_from(nanos.div_euclid(second)) {
            Ok(seconds) if (FIRST..=LAST).contains(&seconds) => {
                Ok(Instant { seconds, nanos: nanos.rem_euclid(second) as u32, zone })
            }
            _ => Err(out_of_range()),
        }
    }

    pub fn now() -> Result<Self> {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        let nanos = since
            .map_or_else(|before| -(before.duration().as_nanos() as i128), |since| since.as_nanos() as i128);
        Self::of_nanos(nanos, Zone::UTC)
    }

    /// Since 1970.
    pub fn total(&self) -> i128 {
        i128::from(self.seconds) * i128::from(SECOND) + i128::from(self.nanos)
    }

    pub fn civil(&self) -> Civil {
        Civil::of(self.seconds + i64::from(self.zone.offset))
    }

    fn moved(&self, nanos: i128) -> Result<Self> {
        Self::of_nanos(self.total() + nanos, self.zone.clone())
    }

    /// As Go does: what is longer than a duration can be is the longest.
    fn since(&self, other: &Instant) -> Duration {
        let nanos = self.total() - other.total();
        Duration(nanos.clamp(i128::from(i64::MIN), i128::from(i64::MAX)) as i64)
    }

    /// Multiples are counted from year 1.
    fn rounded(&self, value: &Value, to_nearest: bool) -> Result<Self> {
        let step = i128::from(duration::nanos(value)?);
        if step <= 0 {
            return Ok(self.clone());
        }
        let rest = (self.total() - i128::from(ZERO) * i128::from(SECOND)).rem_euclid(step);
        let up = to_nearest && rest * 2 >= step;
        self.moved(if up { step - rest } else { -rest })
    }

    fn add_date(&self, years: i64, months: i64, days: i64) -> Result<Self> {
        let civil = self.civil();
        let sum = |field: i64, more: i64| field.checked_add(more).ok_or_else(out_of_range);
        let fields = Fields {
            year: sum(civil.year, years)?,
            month: sum(i64::from(civil.month), months)?,
            day: sum(i64::from(civil.day), days)?,
            hour: i64::from(civil.hour),
            minute: i64::from(civil.minute),
            second: i64::from(civil.second),
            nanos: i64::from(self.nanos),
        };
        fields.instant(self.zone.clone())
    }

    fn in_zone(&self, zone: Zone) -> Self {
        Instant { zone, ..self.clone() }
    }
}

fn out_of_range() -> crate::error::ErrorValue {
    invalid("time is out of range")
}

/// A time as an argument.
fn argument(value: &Value) -> Result<Instant> {
    let time = value.as_userdata().and_then(|object| object.borrow::<Instant>().ok());
    time.map(|time| time.clone()).ok_or_else(|| args::wrong(value, "time", "a time"))
}

impl UserData for Instant {
    fn add_methods<M: UserDataMethods<Self>>(methods: &mut M) {
        add_parts(methods);
        add_arithmetic(methods);
        add_comparison(methods);
        add_texts(methods);
        add_zones(methods);
    }
}

fn add_parts<M: UserDataMethods<Instant>>(methods: &mut M) {
    methods.add_method("unix", |_, this, ()| Ok(this.seconds));
    methods.add_method("unix_milli", |_, this, ()| Ok(this.total().div_euclid(1_000_000) as i64));
    methods.add_method("unix_micro", |_, this, ()| Ok(this.total().div_euclid(1_000) as i64));
    methods.add_method("unix_nano", |lua, this, ()| {
        args::answer(lua, i64::try_from(this.total()).map_err(|_| out_of_range()))
    });
    methods.add_method("year", |_, this, ()| Ok(this.civil().year));
    methods.add_method("month", |_, this, ()| Ok(this.civil().month));
    methods.add_method("day", |_, this, ()| Ok(this.civil().day));
    methods.add_method("hour", |_, this, ()| Ok(this.civil().hour));
    methods.add_method("minute", |_, this, ()| Ok(this.civil().minute));
    methods.add_method("second", |_, this, ()| Ok(this.civil().second));
    methods.add_method("nanosecond", |_, this, ()| Ok(this.nanos));
    methods.add_method("weekday", |_, this, ()| Ok(this.civil().weekday()));
    methods.add_method("year_day", |_, this, ()| Ok(this.civil().year_day()));
    methods.add_method("is_zero", |_, this, ()| Ok(this.seconds == ZERO && this.nanos == 0));
    methods.add_method("date", |_, this, ()| {
        let civil = this.civil();
        Ok((civil.year, civil.month, civil.day))
    });
    methods.add_method("clock", |_, this, ()| {
        let civil = this.civil();
        Ok((civil.hour, civil.minute, civil.second))
    });
}

fn add_arithmetic<M: UserDataMethods<Instant>>(methods: &mut M) {
    methods.add_method("add", |lua, this, by: Value| {
        args::answer(lua, duration::nanos(&by).and_then(|nanos| this.moved(i128::from(nanos))))
    });
    methods.add_method("sub", |lua, this, other: Value| {
        args::answer(lua, argument(&other).map(|other| this.since(&other)))
    });
    methods
        .add_method("add_date", |lua, this, by: (Value, Value, Value)| args::answer(lua, add_date(this, by)));
    methods.add_method("truncate", |lua, this, step: Value| args::answer(lua, this.rounded(&step, false)));
    methods.add_method("round", |lua, this, step: Value| args::answer(lua, this.rounded(&step, true)));
}

fn add_date(time: &Instant, (years, months, days): (Value, Value, Value)) -> Result<Instant> {
    let years = args::integer_or(&years, "years", 0)?;
    time.add_date(years, args::integer_or(&months, "months", 0)?, args::integer_or(&days, "days", 0)?)
}

fn add_comparison<M: UserDataMethods<Instant>>(methods: &mut M) {
    type Holds = fn(i128, i128) -> bool;
    let named: [(&str, Holds); 3] = [
        ("before", |one, other| one < other),
        ("after", |one, other| one > other),
        ("equal", |one, other| one == other),
    ];
    for (name, holds) in named {
        methods.add_method(name, move |lua, this, other: Value| {
            args::answer(lua, argument(&other).map(|other| holds(this.total(), other.total())))
        });
    }
    let operators: [(MetaMethod, Holds); 3] = [
        (MetaMethod::Eq, |one, other| one == other),
        (MetaMethod::Lt, |one, other| one < other),
        (MetaMethod::Le, |one, other| one <= other),
    ];
    for (operator, holds) in operators {
        methods.add_meta_function(operator, move |_, (one, other): (Value, Value)| {
            let one = argument(&one).map_err(mlua::Error::external)?;
            Ok(holds(one.total(), argument(&other).map_err(mlua::Error::external)?.total()))
        });
    }
}

fn add_texts<M: UserDataMethods<Instant>>(methods: &mut M) {
    methods.add_method("format", |lua: &Lua, this, layout: Value| -> Answer {
        let text = args::string(lua, &layout, "layout").and_then(|layout| {
            let layout = layout.to_string_lossy();
            Ok(format::format(this, format::check(&layout)?))
        });
        args::answer(lua, text)
    });
    methods.add_method("format_rfc3339", |_, this, ()| Ok(format::format(this, super::RFC3339)));
    methods.add_method("string", |_, this, ()| Ok(format::format(this, super::STRING)));
    methods.add_meta_method(MetaMethod::ToString, |_, this, ()| Ok(format::format(this, super::STRING)));
}

fn add_zones<M: UserDataMethods<Instant>>(methods: &mut M) {
    methods.add_method("utc", |_, this, ()| Ok(this.in_zone(Zone::UTC)));
    methods.add_method("in_local", |_, this, ()| Ok(this.in_zone(Zone::UTC)));
    methods.add_method("in_location", |lua, this, zone: Value| {
        args::answer(lua, zone::argument(&zone).map(|zone| this.in_zone(zone)))
    });
    methods.add_method("location", |_, this, ()| Ok(Location(this.zone.clone())));
}
