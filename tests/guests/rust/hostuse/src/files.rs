//! Files, by absolute guest path.

use crate::FileInfo;
use crate::streams;
use crate::wasi::filesystem::preopens;
use crate::wasi::filesystem::types::{
    Descriptor, DescriptorFlags, DescriptorStat, DescriptorType, ErrorCode, NewTimestamp, OpenFlags, PathFlags,
};
use crate::wasi::clocks::wall_clock::Datetime;

/// A preopened directory and the rest of the path inside it.
struct Place {
    dir: Descriptor,
    name: String,
    rest: String,
}

impl Place {
    /// The preopen with the longest name that is a whole-component prefix of `path`.
    fn find(path: &str) -> Result<Self, String> {
        preopens::get_directories()
            .into_iter()
            .filter_map(|(dir, name)| {
                let rest = inside(&name, path)?.to_string();
                Some(Place { dir, name, rest })
            })
            .max_by_key(|place| place.name.len())
            .ok_or_else(|| "no-preopen".to_string())
    }

    fn open(&self, open: OpenFlags, flags: DescriptorFlags) -> Result<Descriptor, String> {
        self.dir.open_at(PathFlags::SYMLINK_FOLLOW, &self.rest, open, flags).map_err(text)
    }
}

fn inside<'a>(preopen: &str, path: &'a str) -> Option<&'a str> {
    let rest = path.strip_prefix(preopen.trim_end_matches('/'))?;
    match rest.strip_prefix('/') {
        Some("") => Some("."),
        Some(rest) => Some(rest),
        None if rest.is_empty() => Some("."),
        None => None,
    }
}

fn text(code: ErrorCode) -> String {
    code.name().into()
}

fn kind(kind: DescriptorType) -> String {
    match kind {
        DescriptorType::Unknown => "unknown",
        DescriptorType::BlockDevice => "block-device",
        DescriptorType::CharacterDevice => "character-device",
        DescriptorType::Directory => "directory",
        DescriptorType::Fifo => "fifo",
        DescriptorType::SymbolicLink => "symbolic-link",
        DescriptorType::RegularFile => "regular-file",
        DescriptorType::Socket => "socket",
    }
    .into()
}

pub fn preopens() -> Vec<String> {
    preopens::get_directories().into_iter().map(|(_, name)| name).collect()
}

pub fn read(path: &str) -> Result<Vec<u8>, String> {
    let file = Place::find(path)?.open(OpenFlags::empty(), DescriptorFlags::READ)?;
    let stream = file.read_via_stream(0).map_err(text)?;
    streams::read_all(&stream)
}

pub fn read_at(path: &str, offset: u64, len: u64) -> Result<(Vec<u8>, bool), String> {
    let file = Place::find(path)?.open(OpenFlags::empty(), DescriptorFlags::READ)?;
    file.read(len, offset).map_err(text)
}

pub fn write(path: &str, data: &[u8]) -> Result<(), String> {
    let file = Place::find(path)?.open(OpenFlags::CREATE | OpenFlags::TRUNCATE, DescriptorFlags::WRITE)?;
    streams::write_all(&file.write_via_stream(0).map_err(text)?, data)
}

pub fn create_new(path: &str, data: &[u8]) -> Result<(), String> {
    let file = Place::find(path)?.open(OpenFlags::CREATE | OpenFlags::EXCLUSIVE, DescriptorFlags::WRITE)?;
    streams::write_polling(&file.write_via_stream(0).map_err(text)?, data)
}

pub fn append(path: &str, data: &[u8]) -> Result<(), String> {
    let file = Place::find(path)?.open(OpenFlags::empty(), DescriptorFlags::WRITE)?;
    streams::write_all(&file.append_via_stream().map_err(text)?, data)
}

pub fn write_at(path: &str, offset: u64, data: &[u8]) -> Result<u64, String> {
    let file = Place::find(path)?.open(OpenFlags::empty(), DescriptorFlags::WRITE)?;
    let written = file.write(data, offset).map_err(text)?;
    file.sync_data().map_err(text)?;
    Ok(written)
}

pub fn list(path: &str) -> Result<Vec<(String, String)>, String> {
    let dir = Place::find(path)?.open(OpenFlags::DIRECTORY, DescriptorFlags::READ)?;
    let entries = dir.read_directory().map_err(text)?;
    let mut names = Vec::new();
    while let Some(entry) = entries.read_directory_entry().map_err(text)? {
        names.push((entry.name, kind(entry.type_)));
    }
    names.sort();
    Ok(names)
}

pub fn stat(path: &str, follow: bool) -> Result<FileInfo, String> {
    let place = Place::find(path)?;
    let flags = if follow { PathFlags::SYMLINK_FOLLOW } else { PathFlags::empty() };
    let DescriptorStat { type_, link_count, size, data_modification_timestamp, .. } =
        place.dir.stat_at(flags, &place.rest).map_err(text)?;
    Ok(FileInfo {
        kind: kind(type_),
        size,
        link_count,
        modified_seconds: data_modification_timestamp.map(|time| time.seconds),
    })
}

pub fn set_size(path: &str, size: u64) -> Result<(), String> {
    Place::find(path)?.open(OpenFlags::empty(), DescriptorFlags::WRITE)?.set_size(size).map_err(text)
}

pub fn set_modified(path: &str, seconds: u64) -> Result<(), String> {
    let place = Place::find(path)?;
    let time = NewTimestamp::Timestamp(Datetime { seconds, nanoseconds: 0 });
    place
        .dir
        .set_times_at(PathFlags::SYMLINK_FOLLOW, &place.rest, NewTimestamp::NoChange, time)
        .map_err(text)
}

pub fn make_dir(path: &str) -> Result<(), String> {
    let place = Place::find(path)?;
    place.dir.create_directory_at(&place.rest).map_err(text)
}

pub fn rename(old: &str, new: &str) -> Result<(), String> {
    let (old, new) = (Place::find(old)?, Place::find(new)?);
    old.dir.rename_at(&old.rest, &new.dir, &new.rest).map_err(text)
}

pub fn remove_file(path: &str) -> Result<(), String> {
    let place = Place::find(path)?;
    place.dir.unlink_file_at(&place.rest).map_err(text)
}

pub fn remove_dir(path: &str) -> Result<(), String> {
    let place = Place::find(path)?;
    place.dir.remove_directory_at(&place.rest).map_err(text)
}

pub fn symlink(target: &str, path: &str) -> Result<(), String> {
    let place = Place::find(path)?;
    place.dir.symlink_at(target, &place.rest).map_err(text)
}

pub fn read_link(path: &str) -> Result<String, String> {
    let place = Place::find(path)?;
    place.dir.readlink_at(&place.rest).map_err(text)
}

pub fn hard_link(old: &str, new: &str) -> Result<(), String> {
    let (old, new) = (Place::find(old)?, Place::find(new)?);
    old.dir.link_at(PathFlags::empty(), &old.rest, &new.dir, &new.rest).map_err(text)
}

pub fn open_flags(path: &str, write: bool) -> Result<Vec<String>, String> {
    let flags = if write { DescriptorFlags::READ | DescriptorFlags::WRITE } else { DescriptorFlags::READ };
    let has = Place::find(path)?.open(OpenFlags::empty(), flags)?.get_flags().map_err(text)?;
    Ok([
        (DescriptorFlags::READ, "read"),
        (DescriptorFlags::WRITE, "write"),
        (DescriptorFlags::MUTATE_DIRECTORY, "mutate-directory"),
        (DescriptorFlags::FILE_INTEGRITY_SYNC, "file-integrity-sync"),
        (DescriptorFlags::DATA_INTEGRITY_SYNC, "data-integrity-sync"),
        (DescriptorFlags::REQUESTED_WRITE_SYNC, "requested-write-sync"),
    ]
    .into_iter()
    .filter(|(flag, _)| has.contains(*flag))
    .map(|(_, name)| name.to_string())
    .collect())
}

pub fn same_object(a: &str, b: &str) -> Result<bool, String> {
    let a = Place::find(a)?.open(OpenFlags::empty(), DescriptorFlags::READ)?;
    let b = Place::find(b)?.open(OpenFlags::empty(), DescriptorFlags::READ)?;
    Ok(a.is_same_object(&b))
}
