//! What a process holds in memory.

/// What a process holds in memory, in bytes; none where the system does not say.
#[cfg(target_os = "linux")]
pub(crate) fn bytes(of: Option<u32>) -> Option<u64> {
    let process = match of {
        None => procfs::process::Process::myself(),
        Some(id) => procfs::process::Process::new(id.try_into().ok()?),
    };
    Some(process.ok()?.statm().ok()?.resident * procfs::page_size())
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn bytes(_of: Option<u32>) -> Option<u64> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(target_os = "linux")]
    #[test]
    fn this_process_is_resident_under_its_own_number_too() {
        let (mine, same) = (bytes(None).unwrap(), bytes(Some(std::process::id())).unwrap());
        assert!(mine > 1 << 20 && same > 1 << 20);
        assert_eq!(bytes(Some(u32::MAX)), None);
    }
}
