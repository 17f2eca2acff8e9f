package stet.repository.tree;

import org.jspecify.annotations.Nullable;

/** What an entry of a directory is. */
public enum NodeType {
  FILE("file"),
  DIRECTORY("dir"),
  SYMLINK("symlink"),
  BLOCK_DEVICE("dev"),
  CHARACTER_DEVICE("chardev"),
  FIFO("fifo"),
  SOCKET("socket");

  private final String text;

  NodeType(String text) {
    this.text = text;
  }

  /** The type of a word in a tree blob, or null if there is none. */
  static @Nullable NodeType of(String text) {
    return switch (text) {
      case "file" -> FILE;
      case "dir" -> DIRECTORY;
      case "symlink" -> SYMLINK;
      case "dev" -> BLOCK_DEVICE;
      case "chardev" -> CHARACTER_DEVICE;
      case "fifo" -> FIFO;
      case "socket" -> SOCKET;
      default -> null;
    };
  }

  /** The word in a tree blob. */
  public String text() {
    return text;
  }
}
