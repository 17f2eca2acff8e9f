package stet.repository.tree;

import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import stet.repository.Id;

/**
 * An entry of a directory, as restic's format describes it.
 *
 * @param nameBytes the name as the file system has it: any bytes but {@code /} and NUL
 * @param type what the entry is
 * @param mode permission bits and setuid, setgid and sticky as in POSIX {@code st_mode & 07777}
 * @param modified time of last modification of the content
 * @param accessed time of last access; restic stores the modification time unless asked
 * @param changed time of last status change
 * @param user the owner's name, empty if unknown
 * @param group the group's name, empty if unknown
 * @param inode unsigned; 0 if the entry does not come from a file system
 * @param device unsigned {@code st_dev}; 0 if the entry does not come from a file system
 * @param size bytes of a file's content, 0 for other types
 * @param links number of hard links; 0 if unknown
 * @param linkTarget the target bytes of a symbolic link, else null
 * @param rawDevice unsigned {@code st_rdev} of a device, else 0
 * @param content blobs of a file in order; empty for other types
 * @param subtree the tree of a directory, else null
 * @param extras what another program wrote beyond these, or null if nothing
 */
public record Node(
    byte[] nameBytes,
    NodeType type,
    int mode,
    Instant modified,
    Instant accessed,
    Instant changed,
    long uid,
    long gid,
    String user,
    String group,
    long inode,
    long device,
    long size,
    long links,
    byte @Nullable [] linkTarget,
    List<Xattr> xattrs,
    long rawDevice,
    List<Id> content,
    @Nullable Id subtree,
    @Nullable NodeExtras extras) {

  public Node {
    xattrs = List.copyOf(xattrs);
    content = List.copyOf(content);
  }

  /** An entry with nothing beyond what this class knows. */
  public Node(
      byte[] nameBytes,
      NodeType type,
      int mode,
      Instant modified,
      Instant accessed,
      Instant changed,
      long uid,
      long gid,
      String user,
      String group,
      long inode,
      long device,
      long size,
      long links,
      byte @Nullable [] linkTarget,
      List<Xattr> xattrs,
      long rawDevice,
      List<Id> content,
      @Nullable Id subtree) {
    this(
        nameBytes,
        type,
        mode,
        modified,
        accessed,
        changed,
        uid,
        gid,
        user,
        group,
        inode,
        device,
        size,
        links,
        linkTarget,
        xattrs,
        rawDevice,
        content,
        subtree,
        null);
  }

  /** A directory that does not come from a file system. */
  public static Node directory(String name, Instant time, Id subtree) {
    return made(name, NodeType.DIRECTORY, 0755, time, 0, List.of(), subtree);
  }

  /** A file that does not come from a file system. */
  public static Node file(String name, Instant time, long size, List<Id> content) {
    return made(name, NodeType.FILE, 0644, time, size, content, null);
  }

  private static Node made(
      String name,
      NodeType type,
      int mode,
      Instant time,
      long size,
      List<Id> content,
      @Nullable Id subtree) {
    byte[] bytes = name.getBytes(StandardCharsets.UTF_8);
    return new Node(
        bytes, type, mode, time, time, time, 0, 0, "", "", 0, 0, size, 0, null, List.of(), 0,
        content, subtree);
  }

  /** Whether it does not come from a file system, so that its owner says nothing. */
  public boolean isMade() {
    return inode == 0
        && device == 0
        && links == 0
        && uid == 0
        && gid == 0
        && user.isEmpty()
        && group.isEmpty();
  }

  /** The same entry with another mode and other owners, whose names are unknown. */
  public Node with(int otherMode, long otherUid, long otherGid) {
    return new Node(
        nameBytes,
        type,
        otherMode,
        modified,
        accessed,
        changed,
        otherUid,
        otherGid,
        "",
        "",
        inode,
        device,
        size,
        links,
        linkTarget,
        xattrs,
        rawDevice,
        content,
        subtree,
        extras);
  }

  /** The name for people: bytes that are not UTF-8 become replacement characters. */
  public String name() {
    return new String(nameBytes, StandardCharsets.UTF_8);
  }

  /** The same node under another name. */
  public Node named(byte[] otherName) {
    return with(otherName, inode, links, subtree);
  }

  /** The same entry with another tree. */
  public Node withSubtree(@Nullable Id other) {
    return with(nameBytes, inode, links, other);
  }

  /** The same entry as one that shares its content with no other name. */
  public Node unlinked() {
    return with(nameBytes, 0, 1, subtree);
  }

  private Node with(byte[] newName, long newInode, long newLinks, @Nullable Id newSubtree) {
    return new Node(
        newName,
        type,
        mode,
        modified,
        accessed,
        changed,
        uid,
        gid,
        user,
        group,
        newInode,
        device,
        size,
        newLinks,
        linkTarget,
        xattrs,
        rawDevice,
        content,
        newSubtree,
        extras);
  }

  /** The tree of a directory. */
  public Id requireSubtree() {
    return Objects.requireNonNull(subtree, "only a directory has a subtree");
  }

  @Override
  public boolean equals(@Nullable Object o) {
    return o instanceof Node n
        && Arrays.equals(nameBytes, n.nameBytes)
        && type == n.type
        && mode == n.mode
        && modified.equals(n.modified)
        && accessed.equals(n.accessed)
        && changed.equals(n.changed)
        && uid == n.uid
        && gid == n.gid
        && user.equals(n.user)
        && group.equals(n.group)
        && inode == n.inode
        && device == n.device
        && size == n.size
        && links == n.links
        && Arrays.equals(linkTarget, n.linkTarget)
        && xattrs.equals(n.xattrs)
        && rawDevice == n.rawDevice
        && content.equals(n.content)
        && Objects.equals(subtree, n.subtree)
        && Objects.equals(extras, n.extras);
  }

  @Override
  public int hashCode() {
    return Objects.hash(Arrays.hashCode(nameBytes), type, size, content, subtree);
  }
}
