SESSIONS = CONFIG.recordings.session_names()


def recordings_folder():
    """Folder of the recordings: command line, environment, configuration."""
    configured = Path(CONFIG.recordings.folder)
    if CONFIG.recordings.synthetic is not None:
        return configured
    if RECORDINGS_FOLDER is not None:
        return Path(RECORDINGS_FOLDER)
    if configured.is_absolute():
        return configured
    return Path(os.environ.get("SPIKETWIN_RECORDINGS") or configured)


def recording_files():
    """File of every session; the folder of a Zarr store."""
    folder, synthetic = recordings_folder(), CONFIG.recordings.synthetic
    if synthetic is not None:
        return [str(folder / synthetic.name / f"{session}.nwb") for session in SESSIONS]
    return [str(folder / entry.path) for entry in CONFIG.recordings.sessions]


if CONFIG.recordings.synthetic is not None:

    rule synthesize:
        input:
            code=code(
                "recording/synthetic.py",
                "recording/delayed_task.py",
                "recording/delayed_session.py",
                "recording/write.py",
            ),
            config=ancient(f"results/{RUN}/config.yaml"),
        output:
            recording_files(),
        log:
            f"results/{RUN}/logs/synthesize.log",
        resources:
            mem_mb=2000,
            runtime=20,
        params:
            synthetic=CONFIG.recordings.synthetic.model_dump_json(),
        shell:
            "spiketwin synthesize --config {input.config} > {log} 2>&1"


rule prepare:
    input:
        recordings=recording_files(),
        code=code("recording", "trials"),
        config=ancient("results/{run}/config.yaml"),
    output:
        stitching="results/{run}/stitching.parquet",
        notes="results/{run}/notes.json",
        duplicates="results/{run}/tables/duplicates.parquet",
    log:
        "results/{run}/logs/prepare.log",
    resources:
        mem_mb=4000,
        runtime=30,
    params:
        section=section("recordings", "trials"),
        folder=recordings_folder(),
    shell:
        "spiketwin prepare --config {input.config} --recordings {params.folder:q} > {log} 2>&1"
