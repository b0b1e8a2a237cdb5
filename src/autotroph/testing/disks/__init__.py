"""A disk to test ledgers on: what a power cut leaves of them, and what a full, broken or slow disk does.

    with Disk().mounted() as disk:
        store = SqliteStore(path, vfs=disk.name)      # the shipped code, on this disk
        ...
        store.close()
    platter = Platter()
    for done in disk.log[:cut]:                        # the power goes after so many operations
        platter.take(done)
    files = platter.after_cut(Random("some seed"))     # what is there when it comes back

**The model.** A write goes to the system's cache; a sync takes it to the disk. At a cut,

- what was synced is there;
- of what was not, each sector of 512 bytes is there or not, by lot: writes are torn, and come in any order;
- a file is as long as what is left of it says; by lot it is longer, by zeros or by rubbish;
- names that were made or removed since the folder was synced are there or not, by lot, each for itself.
  SQLite syncs the folder on the first sync of a new log or journal, and when it is asked to on a deletion;
- a sync that fails leaves of what was unsynced what the lot says, and no later sync makes up for it;
- the index of the log (`-shm`) is gone: SQLite makes a new one.

**It is conservative**: no file system and no disk loses more than this, most lose much less. A journalling
file system keeps names and lengths in order, and syncs a new file's name with the file; here it does not.
What it takes for granted is what SQLite takes for granted too: a sector that is not being written keeps its
bytes ("powersafe overwrite"), one that is written is not half old and half new, and what was synced stays.
"""

from autotroph.testing.disks.disk import BROKEN, FULL, Disk, Fault
from autotroph.testing.disks.platter import Operation, Platter, Sync, Write

__all__ = ["BROKEN", "FULL", "Disk", "Fault", "Operation", "Platter", "Sync", "Write"]
