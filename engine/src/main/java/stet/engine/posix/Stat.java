package stet.engine.posix;

import java.time.Instant;

/**
 * What the file system knows of an entry.
 *
 * @param mode type and permission bits as in {@code st_mode}
 * @param device {@code st_dev} in the encoding of {@code makedev}
 * @param rawDevice {@code st_rdev} of a device in the encoding of {@code makedev}
 * @param blocks allocated space in units of 512 bytes
 * @param born when the entry was created, or the epoch if the file system does not say
 * @param mountRoot whether a file system or bind mount begins here
 */
public record Stat(
    int mode,
    long links,
    long uid,
    long gid,
    long size,
    long blocks,
    long inode,
    long device,
    long rawDevice,
    Instant modified,
    Instant changed,
    Instant born,
    boolean mountRoot) {
  private static final int TYPE = 0xf000;

  /** The bits of {@link #mode} that {@code chmod} sets. */
  public int permissions() {
    return mode & 07777;
  }

  public boolean isFile() {
    return (mode & TYPE) == 0x8000;
  }

  public boolean isDirectory() {
    return (mode & TYPE) == 0x4000;
  }

  public boolean isSymlink() {
    return (mode & TYPE) == 0xa000;
  }

  public boolean isFifo() {
    return (mode & TYPE) == 0x1000;
  }

  public boolean isSocket() {
    return (mode & TYPE) == 0xc000;
  }

  public boolean isBlockDevice() {
    return (mode & TYPE) == 0x6000;
  }

  public boolean isCharacterDevice() {
    return (mode & TYPE) == 0x2000;
  }

  /** Whether {@code other} describes the same entry of the same file system. */
  public boolean sameEntry(Stat other) {
    return inode == other.inode && device == other.device;
  }

  /** Whether nothing points to the content having changed between the two looks. */
  public boolean sameContent(Stat other) {
    return sameEntry(other)
        && size == other.size
        && modified.equals(other.modified)
        && changed.equals(other.changed);
  }
}
