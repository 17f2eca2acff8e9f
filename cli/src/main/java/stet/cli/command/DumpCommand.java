package stet.cli.command;

import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Parameters;
import stet.cli.session.Session;
import stet.engine.ErrorCode;
import stet.engine.StetException;
import stet.engine.snapshot.SnapshotFiles;
import stet.repository.Repository;
import stet.repository.lock.RepositoryLock;
import stet.repository.snapshot.Snapshot;
import stet.repository.tree.Node;
import stet.repository.tree.NodeType;

/** {@code dump}: writes a file of a snapshot to standard output. */
@Command(name = "dump", description = "Write a file of a snapshot to standard output.")
public final class DumpCommand implements Callable<Integer> {
  private final Session session;

  @Mixin private SnapshotChoice snapshot = new SnapshotChoice();

  @Mixin private ReadLock readLock = new ReadLock();

  @Parameters(
      index = "1",
      paramLabel = "PATH",
      description = "The file's path in the snapshot, as `stet ls` shows it.")
  private String path = "";

  public DumpCommand(Session session) {
    this.session = session;
  }

  @Override
  public Integer call() {
    try (Repository repository = session.openRepository();
        RepositoryLock lock = readLock.take(repository, false)) {
      Snapshot chosen = snapshot.resolve(session, repository);
      repository.loadIndex();
      Node node = new SnapshotFiles(repository.reader(), chosen).find(path);
      if (node == null || node.type() != NodeType.FILE) {
        throw new StetException(
            ErrorCode.NOT_FOUND,
            path
                + " in snapshot "
                + chosen.requireId().shortText()
                + " is not a file but a "
                + (node == null ? "directory" : node.type().text()),
            "Use `stet restore "
                + chosen.requireId().shortText()
                + " --to-dir DIR` for whole trees.");
      }
      repository.reader().<RuntimeException>read(node.content(), session.output()::data);
    }
    return 0;
  }
}
