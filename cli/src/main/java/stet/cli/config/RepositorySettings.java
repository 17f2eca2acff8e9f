package stet.cli.config;

/**
 * The repository that the configuration names.
 *
 * @param location an absolute path
 * @param password the password of one of its keys
 * @param locationOrigin where the location is given, such as {@code stet.yaml:4:13} or {@code
 *     RESTIC_REPOSITORY}
 * @param passwordOrigin where the password is given
 */
public record RepositorySettings(
    String location, Secret password, String locationOrigin, String passwordOrigin) {}
