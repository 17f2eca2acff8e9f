package stet.repository;

/** What a blob holds. Blobs of both types never share a pack. */
public enum BlobType {
  /** A piece of a file. */
  DATA,
  /** The nodes of a directory. */
  TREE
}
