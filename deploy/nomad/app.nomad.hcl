# The image of deploy/docker/Dockerfile on Nomad. See docs/containers.md.
job "app" {
  type = "service"

  update {
    max_parallel = 1
    canary       = 1
    auto_promote = true
    auto_revert  = true
    health_check = "checks"
  }

  group "app" {
    count = 2

    network {
      port "http" { to = 8000 }
      port "health" { to = 9000 }
      port "metrics" { to = 9001 }
    }

    service {
      name     = "app"
      port     = "http"
      provider = "nomad"

      check {
        type     = "http"
        port     = "health"
        path     = "/readyz"
        interval = "5s"
        timeout  = "2s"
      }
    }

    service {
      name     = "app-metrics"
      port     = "metrics"
      provider = "nomad"
    }

    task "app" {
      driver = "docker"
      # Nomad takes the service out of its list, waits as long as this, and then sends the signal: no --drain-delay.
      shutdown_delay = "10s"
      kill_signal    = "SIGTERM"
      # More than --graceful-timeout.
      kill_timeout = "35s"

      config {
        image = "registry.example/app:1"
        ports           = ["http", "health", "metrics"]
        readonly_rootfs = true
        cap_drop        = ["all"]
        args = [
          "--bind=0.0.0.0:8000",
          "--health-bind=0.0.0.0:9000",
          "--metrics-bind=0.0.0.0:9001",
          "--control-socket=/tmp/tgunicorn.ctl",
          "--worker-class=eventloop",
          "--workers=2",
          "--graceful-timeout=30",
          "--max-memory=200M",
          "--access-logfile=-",
          "main:app",
        ]

        mount {
          type   = "tmpfs"
          target = "/tmp"
        }
      }

      resources {
        cpu    = 1000
        memory = 512
      }
    }
  }
}
