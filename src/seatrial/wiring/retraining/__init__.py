"""Models trained anew: their agendas, rows, steps and desk."""
