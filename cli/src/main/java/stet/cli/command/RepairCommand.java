package stet.cli.command;

import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import stet.cli.output.Output;
import stet.cli.output.ProgressBar;
import stet.cli.session.Session;
import stet.repository.Id;
import stet.repository.Repository;
import stet.repository.check.IndexRepair;
import stet.repository.json.JsonObject;
import stet.repository.lock.RepositoryLock;

/** {@code repair}: mends what a backup does not mend by itself. */
@Command(
    name = "repair",
    description = "Mend the repository.",
    subcommands = RepairCommand.Index.class)
public final class RepairCommand {

  /** {@code repair index}. */
  @Command(
      name = "index",
      description = {
        "Make index files anew that cannot be read, from the packs.",
        "What damaged packs lack the next backup stores again, where it is still there."
      },
      footer = {"", "JSON: {removed, added, damaged, missing, unreadable}"})
  public static final class Index implements Callable<Integer> {
    private final Session session;

    public Index(Session session) {
      this.session = session;
    }

    @Override
    public Integer call() {
      IndexRepair.Result result;
      try (Repository repository = session.openRepository();
          RepositoryLock lock = repository.lock(true);
          ProgressBar progress = session.progress()) {
        progress.phase("reading packs that no index names");
        result = IndexRepair.run(repository, lock);
      }
      Output output = session.output();
      if (output.json()) {
        output.document(
            new JsonObject()
                .put("removed", texts(result.removed()))
                .put("added", texts(result.added()))
                .put("damaged", texts(result.damaged()))
                .put("missing", texts(result.missing()))
                .put("unreadable", texts(result.unreadable())));
        return 0;
      }
      tell(
          result.removed(),
          "index file could not be read and was removed",
          "index files could not be read and were removed");
      tell(result.added(), "pack is in the index again", "packs are in the index again");
      tell(
          result.damaged(),
          "of them is damaged; the next backup replaces it",
          "of them are damaged; the next backup replaces them");
      tell(
          result.missing(),
          "pack is missing and was taken out of the index",
          "packs are missing and were taken out of the index");
      tell(
          result.unreadable(),
          "pack cannot be read and stays in no index",
          "packs cannot be read and stay in no index");
      if (result.removed().isEmpty() && result.added().isEmpty() && result.missing().isEmpty()) {
        output.message("the index was in order");
      }
      return 0;
    }

    private void tell(List<Id> ids, String one, String several) {
      if (!ids.isEmpty()) {
        session
            .output()
            .message(
                ids.size()
                    + " "
                    + (ids.size() == 1 ? one : several)
                    + ": "
                    + String.join(", ", ids.stream().map(Id::shortText).toList()));
      }
    }

    private static List<String> texts(List<Id> ids) {
      return ids.stream().map(Id::toString).toList();
    }
  }
}
