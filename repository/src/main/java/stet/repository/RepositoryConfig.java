package stet.repository;

import java.security.SecureRandom;
import java.util.Set;
import stet.repository.RepositoryException.Problem;
import stet.repository.chunk.Polynomial;
import stet.repository.json.JsonException;
import stet.repository.json.JsonObject;

/**
 * The {@code config} file of a repository.
 *
 * @param version of the format, 1 or 2
 * @param id 64 random hexadecimal digits that name the repository, in caches for example
 * @param chunkerPolynomial decides where files are cut; irreducible, of degree 53 at most
 * @param others members that other programs wrote, kept as they are
 */
public record RepositoryConfig(
    int version, String id, Polynomial chunkerPolynomial, JsonObject others) {
  /** The version of the format that is written. */
  public static final int VERSION = 2;

  private static final Set<String> KNOWN = Set.of("version", "id", "chunker_polynomial");
  private static final int MIN_DEGREE = 21;

  public RepositoryConfig {
    others = others.copy();
  }

  /** The configuration of a new repository. */
  public static RepositoryConfig create() {
    SecureRandom random = new SecureRandom();
    byte[] id = new byte[Id.LENGTH];
    random.nextBytes(id);
    return new RepositoryConfig(
        VERSION, Id.read(id, 0).toString(), Polynomial.random(random), new JsonObject());
  }

  /**
   * Reads the decrypted file.
   *
   * @throws RepositoryException as damaged if the text is not a configuration that restic would
   *     take, as unsupported if its version is not known
   */
  public static RepositoryConfig parse(byte[] json) {
    try {
      JsonObject config = JsonObject.parse(json);
      long version = config.integer("version");
      if (version < 1 || version > VERSION) {
        throw new RepositoryException(
            Problem.UNSUPPORTED,
            "repository has format version %d, only 1 and 2 are known".formatted(version),
            "See whether a newer version of this program reads it.");
      }
      String id = config.string("id");
      if (!Id.isId(id)) {
        throw new JsonException("member \"id\" is not 64 hexadecimal digits: " + id, null);
      }
      Polynomial polynomial = Polynomial.parse(config.string("chunker_polynomial"));
      int degree = polynomial.degree();
      if (degree < MIN_DEGREE || degree > Polynomial.DEGREE || !polynomial.isIrreducible()) {
        throw new JsonException("the chunker polynomial cannot serve: " + polynomial, null);
      }
      return new RepositoryConfig((int) version, id, polynomial, config.without(KNOWN));
    } catch (JsonException | IllegalArgumentException e) {
      throw RepositoryException.damaged("repository configuration: " + e.getMessage(), e);
    }
  }

  /** The file before encryption. It is never compressed. */
  public byte[] toBytes() {
    return new JsonObject()
        .put("version", version)
        .put("id", id)
        .put("chunker_polynomial", chunkerPolynomial.toString())
        .putAll(others)
        .toBytes();
  }

  /** Whether rustic was told that nothing may be removed from the repository. */
  public boolean isAppendOnly() {
    return isSet("append_only");
  }

  /** Whether this is the fast part of a rustic repository in two parts, so not complete. */
  public boolean isHot() {
    return isSet("is_hot");
  }

  private boolean isSet(String member) {
    return Boolean.TRUE.equals(others.get(member));
  }

  /** The members that other programs wrote. */
  @Override
  public JsonObject others() {
    return others.copy();
  }
}
