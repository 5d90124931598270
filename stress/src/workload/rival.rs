//! Who stands beside this crate, under the names that reports know.

use ampacity::ConfigError;

use crate::rivals::single_atomic::SingleAtomic;
use crate::rivals::{Caller, Path, Who};

/// A breaker that calls can be made through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rival {
    Ampacity,
    StdMutex,
    ParkingLot,
    SingleAtomic,
}

impl Rival {
    pub(crate) const ALL: [Self; 4] =
        [Self::Ampacity, Self::StdMutex, Self::ParkingLot, Self::SingleAtomic];

    /// As it stands in labels.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Ampacity => "ampacity",
            Self::StdMutex => "std_mutex",
            Self::ParkingLot => "parking_lot_mutex",
            Self::SingleAtomic => "single_atomic",
        }
    }

    /// Sets it up for a path.
    pub(crate) fn build(self, path: Path) -> Result<Box<dyn Caller>, ConfigError> {
        match self {
            Self::Ampacity => Who::Adaptive.build(path),
            Self::StdMutex => Who::StdMutex.build(path),
            Self::ParkingLot => Who::ParkingLot.build(path),
            Self::SingleAtomic => Ok(Box::new(SingleAtomic::for_path(path))),
        }
    }
}
