package stet.repository.tree;

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

  /** The word in a tree blob. */
  public String text() {
    return text;
  }
}
