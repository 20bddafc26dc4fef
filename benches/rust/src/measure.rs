//! Timing: samples of many calls each, one JSON line a case.

use std::time::{Duration, Instant};

use wasmtime::Result;

/// How long to measure one case.
#[derive(Clone, Copy)]
pub struct Budget(pub Duration);

pub const SAMPLES: u32 = 20;

impl Budget {
    /// Times `work` and prints the seconds a call took in each sample.
    pub fn report(self, case: &str, who: &str, mut work: impl FnMut() -> Result<()>) -> Result<()> {
        report(case, who, &self.samples(&mut work)?);
        Ok(())
    }

    fn samples(self, work: &mut impl FnMut() -> Result<()>) -> Result<Vec<f64>> {
        let sample = self.0 / SAMPLES;
        let calls = calls_within(sample, work)?;
        (0..SAMPLES)
            .map(|_| {
                let start = Instant::now();
                for _ in 0..calls {
                    work()?;
                }
                Ok(start.elapsed().as_secs_f64() / f64::from(calls))
            })
            .collect()
    }
}

/// Warms up, and finds how many calls fill one sample.
fn calls_within(sample: Duration, work: &mut impl FnMut() -> Result<()>) -> Result<u32> {
    let (start, mut calls) = (Instant::now(), 0);
    while calls == 0 || start.elapsed() < sample * 2 {
        work()?;
        calls += 1;
    }
    Ok((calls / 2).max(1))
}

/// Prints one case's line: the seconds a call took in each sample.
pub fn report(case: &str, who: &str, samples: &[f64]) {
    let samples: Vec<String> = samples.iter().map(|seconds| format!("{seconds:.4e}")).collect();
    println!(r#"{{"case": "{case}", "who": "{who}", "samples": [{}]}}"#, samples.join(", "));
}
